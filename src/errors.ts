/** Every error that a caller can be told of. Closed: a new code does not compile until `src/http` gives it a status. */
export const errorCodes = [
  'already_done',
  'already_exists',
  'app_not_found',
  'assumption_not_found',
  'body_not_json',
  'body_too_deep',
  'body_too_large',
  'client_key_not_found',
  'client_key_state',
  'confirmation_required',
  'conflict',
  'connection_not_found',
  'connection_refused',
  'connection_state',
  'consent_not_found',
  'document_refused',
  'domain_not_found',
  'domain_unproven',
  'event_not_found',
  'forbidden',
  'headers_too_large',
  'idempotency_key_reused',
  'initial_access_token_not_found',
  'internal',
  'invalid_request',
  'invalid_token',
  'link_invalid',
  'mail_not_found',
  'method_not_allowed',
  'not_found',
  'organization_not_found',
  'organization_protected',
  'password_refused',
  'precondition_failed',
  'rate_limited',
  'request_timeout',
  'resource_not_found',
  'role_held',
  'role_not_found',
  'role_not_grantable',
  'role_refused',
  'service_not_found',
  'service_protected',
  'sign_in_refused',
  'slug_reserved',
  'stale_bundle',
  'store_unavailable',
  'tag_not_grantable',
  'unsupported_media_type',
  'user_not_found',
  'user_state',
] as const
export type ErrorCode = (typeof errorCodes)[number]

/** One fault at one place of what was sent. */
export interface Fault {
  /** RFC 6901 JSON pointer into the body, `''` for the whole; a query parameter is `?name`. */
  readonly pointer: string
  /** What is wrong there. */
  readonly detail: string
  /** What to do about it, if it can be said. */
  readonly fix?: string
}

interface DomainErrorOptions {
  readonly fix?: string
  readonly faults?: readonly Fault[]
  /** Facts of the refusal that a program can act on; shown beside the faults, in `snake_case`. */
  readonly data?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** A refusal that a caller may see: `message` is for the caller, `cause` for the operator's log. */
export class DomainError extends Error {
  readonly code: ErrorCode
  readonly fix: string | undefined
  readonly faults: readonly Fault[]
  readonly data: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: DomainErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'DomainError'
    this.code = code
    this.fix = options.fix
    this.faults = options.faults ?? []
    this.data = options.data ?? {}
  }
}

export function hasCode(error: unknown, code: ErrorCode): error is DomainError {
  return error instanceof DomainError && error.code === code
}
