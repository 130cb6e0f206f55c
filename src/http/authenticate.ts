import type { DenialReason } from '../evaluator/model.ts'
import type { RequestBody } from '../sdk/request-body.ts'
import { HttpRefusal } from './refusal.ts'
import type { Principal } from './route.ts'

/** What a request shows of itself, before anything is believed. */
export interface Presented {
  readonly method: string
  /** As it came, without the query: whoever decides makes it canonical. */
  readonly path: string
  /** The query as it came, with its `?`; empty if there is none. */
  readonly search: string
  /** Read only where the decision depends on it; whoever reads the request afterwards reads it whole. */
  readonly body: RequestBody
  readonly authorization: string | undefined
  /** Each `DPoP` header (RFC 9449). */
  readonly dpop: readonly string[] | undefined
  readonly address: string
  readonly requestId: string
}

export interface Denied {
  readonly kind: 'denied'
  readonly reason: DenialReason
  /** Roles or scopes, any of which would do. */
  readonly needs?: readonly string[]
  /** What `WWW-Authenticate` says, where the way of presenting the token decides it (RFC 9449 §7.1). */
  readonly challenge?: string
}

/** Who calls and which operation was allowed, or why not. */
export type Verdict = (
  | { readonly kind: 'allowed'; readonly operationId: string; readonly principal: Principal }
  | Denied
) & {
  /** Goes with the answer, so that it can be asked for. */
  readonly decisionId?: string
}

/** Verifies the token and decides on the operation: the SDK's guard, wired by `compose`. */
export type Authenticate = (presented: Presented) => Promise<Verdict>

/** What the path would name, had it been allowed. */
export interface Addressed {
  readonly namesOrganization: boolean
  /** The methods that this path has; empty if there is no such path. */
  readonly allow: readonly string[]
}

/** The answer to a denial. What the caller may not see answers like what is not there. */
export function refusalOf(
  denied: Denied,
  presented: Pick<Presented, 'authorization'>,
  addressed: Addressed,
): HttpRefusal {
  switch (denied.reason) {
    case 'invalid_token':
    case 'token_revoked':
      return unauthorized(denied.challenge ?? bearerChallenge(presented.authorization !== undefined))
    case 'insufficient_user_authentication':
      return unauthorized(denied.challenge ?? bearerChallenge(true))
    case 'no_role':
    case 'operation_not_in_role':
    case 'insufficient_scope':
    case 'field_not_allowed':
    case 'body_required':
    case 'filter_required':
    case 'condition_false':
    case 'condition_unknown':
    case 'tag_mismatch':
      return forbidden(denied.needs ?? [], denied.challenge ?? insufficientScope)
    case 'unknown_resource':
      return new HttpRefusal(addressed.namesOrganization ? 'organization_not_found' : 'not_found', 'not here')
    case 'unknown_operation':
      return new HttpRefusal('not_found', 'not here')
    case 'method_not_allowed':
      return methodNotAllowed(addressed.allow)
    case 'ambiguous_request':
      return new HttpRefusal('invalid_request', 'The request can be read in more than one way.', {
        fix: 'Send each parameter and each member once, and one Authorization header.',
      })
    case 'ambiguous_path':
      return new HttpRefusal('invalid_request', 'The path can be read in more than one way.', {
        fix: 'Send it without empty or dot segments, and percent-encode only what must be.',
      })
    case 'stale_bundle':
      return new HttpRefusal('stale_bundle', 'This node is behind and cannot decide right now.', {
        fix: 'Try again in a few seconds.',
        headers: { 'Retry-After': '5' },
      })
    default:
      throw new Error(`unknown reason: ${denied.reason satisfies never}`)
  }
}

/** RFC 6750 §3.1: without a token the challenge carries no error. The body is the same, whatever was wrong. */
function bearerChallenge(tokenWasSent: boolean): string {
  return `Bearer realm="latchkey"${tokenWasSent ? ', error="invalid_token"' : ''}`
}

function unauthorized(challenge: string): HttpRefusal {
  return new HttpRefusal('invalid_token', 'A valid access token is required.', {
    fix: 'Send Authorization: Bearer with an access token of the service latchkey, from /latchkey/oauth/token.',
    headers: { 'WWW-Authenticate': challenge },
  })
}

const insufficientScope = 'Bearer realm="latchkey", error="insufficient_scope"'

function forbidden(needs: readonly string[], challenge: string): HttpRefusal {
  return new HttpRefusal('forbidden', 'The role of this token does not allow this operation.', {
    fix:
      needs.length === 0
        ? 'Ask an administrator of your organization for a role that allows it.'
        : `Use a token with one of: ${needs.join(', ')}.`,
    headers: { 'WWW-Authenticate': challenge },
    ...(needs.length === 0 ? {} : { data: { needs } }),
  })
}

export function methodNotAllowed(allow: readonly string[]): HttpRefusal {
  const list = allow.join(', ')
  return new HttpRefusal('method_not_allowed', 'This address does not take this method.', {
    fix: `Use ${list}.`,
    headers: { Allow: list },
  })
}
