import { hash } from 'node:crypto'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { jwksCacheSeconds } from '../services/signing-key.ts'
import { fapiAuthentication } from './security-profile.ts'

/** Members of the metadata (RFC 8414 §2) that are true of what an issuer does today. */
const told = [
  'issuer',
  'authorization_endpoint',
  'authorization_response_iss_parameter_supported',
  'code_challenge_methods_supported',
  'acr_values_supported',
  'claims_parameter_supported',
  'claims_supported',
  'id_token_signing_alg_values_supported',
  'prompt_values_supported',
  'response_modes_supported',
  'subject_types_supported',
  'token_endpoint',
  'jwks_uri',
  'response_types_supported',
  'grant_types_supported',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'backchannel_logout_session_supported',
  'backchannel_logout_supported',
  'client_id_metadata_document_supported',
  'device_authorization_endpoint',
  'dpop_signing_alg_values_supported',
  'end_session_endpoint',
  'introspection_endpoint',
  'pushed_authorization_request_endpoint',
  'registration_endpoint',
  'require_pushed_authorization_requests',
  'revocation_endpoint',
  'userinfo_endpoint',
  'userinfo_signing_alg_values_supported',
] as const

// Discovery 1.0 §3: left out, the second would count as supported.
const notSupported = { request_parameter_supported: false, request_uri_parameter_supported: false }

const ofFapi = {
  token_endpoint_auth_methods_supported: [fapiAuthentication],
  revocation_endpoint_auth_methods_supported: [fapiAuthentication],
}

// RFC 9068 §5: keys are fetched again at least this often; a `next` key is published for longer before it signs.
const publicFor = `public, max-age=${jwksCacheSeconds}`

/**
 * After the library has answered discovery or JWKS: leaves out of the metadata what does not work yet, and lets both be
 * cached (the library sends neither `Cache-Control` nor `ETag`).
 */
export function publish(ctx: KoaContextWithOIDC, scopes: readonly string[], isFapi: boolean): void {
  if (ctx.status !== 200 || typeof ctx.body !== 'object' || ctx.body === null) return
  const { type } = ctx
  const said: Record<string, unknown> = { ...ctx.body }
  const body = JSON.stringify(
    ctx.oidc.route === 'discovery'
      ? {
          ...Object.fromEntries(told.map((name) => [name, said[name]])),
          ...notSupported,
          ...authenticationOf('introspection', said),
          ...authenticationOf('revocation', said),
          ...(isFapi && ofFapi),
          scopes_supported: scopes,
        }
      : said,
  )
  ctx.body = body
  ctx.type = type
  ctx.set('cache-control', publicFor)
  const etag = `"${hash('sha256', body, 'base64url')}"`
  ctx.set('etag', etag)
  if (names(ctx.get('if-none-match'), etag)) ctx.status = 304
}

/** Clients authenticate there as at the token endpoint. Left out, RFC 8414 §2 would have it mean something else. */
function authenticationOf(
  endpoint: 'introspection' | 'revocation',
  said: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const names = ['auth_methods_supported', 'auth_signing_alg_values_supported']
  return Object.fromEntries(
    names.map((name) => [`${endpoint}_endpoint_${name}`, said[`token_endpoint_${name}`]]),
  )
}

/** RFC 9110 §13.1.2, by weak comparison. Koa's own test says no to `Cache-Control: no-cache`, which fetch adds. */
function names(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((one) => ['*', etag].includes(one.trim().replace(/^W\//, '')))
}
