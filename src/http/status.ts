import type { ErrorCode } from '../errors.ts'

/** The only place that chooses a status. A new code does not compile until it has one. */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  already_done: 409,
  already_exists: 409,
  body_not_json: 400,
  body_too_deep: 400,
  body_too_large: 413,
  client_key_not_found: 404,
  client_key_state: 409,
  confirmation_required: 409,
  conflict: 409,
  document_refused: 422,
  domain_not_found: 404,
  domain_unproven: 409,
  event_not_found: 404,
  forbidden: 403,
  headers_too_large: 431,
  idempotency_key_reused: 422,
  internal: 500,
  invalid_request: 400,
  invalid_token: 401,
  link_invalid: 410,
  mail_not_found: 404,
  method_not_allowed: 405,
  not_found: 404,
  organization_not_found: 404,
  organization_protected: 409,
  password_refused: 422,
  precondition_failed: 412,
  rate_limited: 429,
  request_timeout: 408,
  role_held: 409,
  role_not_found: 404,
  role_not_grantable: 403,
  role_refused: 422,
  service_not_found: 404,
  service_protected: 409,
  slug_reserved: 409,
  stale_bundle: 503,
  store_unavailable: 503,
  tag_not_grantable: 403,
  unsupported_media_type: 415,
  user_not_found: 404,
  user_state: 409,
}

/** A short name of the kind of problem, the same at each occurrence (RFC 9457 §3.1.3). */
export const titleOf: Readonly<Record<ErrorCode, string>> = {
  already_done: 'Already done',
  already_exists: 'Already exists',
  body_not_json: 'Body is not JSON',
  body_too_deep: 'Body is nested too deeply',
  body_too_large: 'Body is too large',
  client_key_not_found: 'Client key not found',
  client_key_state: 'Not in this state of the client key',
  confirmation_required: 'Confirmation required',
  conflict: 'Conflict',
  document_refused: 'Document refused',
  domain_not_found: 'Domain not found',
  domain_unproven: 'Domain is not proven',
  event_not_found: 'Event not found',
  forbidden: 'Forbidden',
  headers_too_large: 'Headers are too large',
  idempotency_key_reused: 'Idempotency key reused',
  internal: 'Internal error',
  invalid_request: 'Invalid request',
  invalid_token: 'Invalid token',
  link_invalid: 'Link is no longer good',
  mail_not_found: 'Mail not found',
  method_not_allowed: 'Method not allowed',
  not_found: 'Not found',
  organization_not_found: 'Organization not found',
  organization_protected: 'Organization is protected',
  password_refused: 'Password refused',
  precondition_failed: 'Precondition failed',
  rate_limited: 'Too many requests',
  request_timeout: 'Request took too long',
  role_held: 'Role is held',
  role_not_found: 'Role not found',
  role_not_grantable: 'Role cannot be given',
  role_refused: 'Role refused',
  service_not_found: 'Service not found',
  service_protected: 'Service is protected',
  slug_reserved: 'Slug is reserved',
  stale_bundle: 'Not up to date',
  store_unavailable: 'Store unavailable',
  tag_not_grantable: 'Tag cannot be given',
  unsupported_media_type: 'Unsupported media type',
  user_not_found: 'User not found',
  user_state: 'Not in this state of the user',
}

type NotFoundCode = Extract<ErrorCode, `${string}not_found`>

const absenceOf: Readonly<Record<NotFoundCode, string>> = {
  client_key_not_found: 'There is no such client key here.',
  domain_not_found: 'There is no such domain here.',
  event_not_found: 'There is no such audit event here.',
  mail_not_found: 'There is no such mail here.',
  not_found: 'There is nothing at this address.',
  organization_not_found: 'There is no such organization.',
  role_not_found: 'There is no such role here.',
  service_not_found: 'There is no such service.',
  user_not_found: 'There is no such user here.',
}

/** What is said of something absent: the same words for garbage, for the absent and for what is another organization's. */
export function absence(code: ErrorCode): string | undefined {
  return isNotFound(code) ? absenceOf[code] : undefined
}

function isNotFound(code: ErrorCode): code is NotFoundCode {
  return code in absenceOf
}
