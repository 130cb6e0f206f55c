import type { DenialReason, StepUp } from '../evaluator/model.ts'
import type { DecisionId } from '../ids.ts'
import type { Scheme } from './authorization.ts'

/** On each answer, allowed or not: what to ask the decision log for. */
export const decisionHeader = 'x-decision-id'

/** A refusal as it goes over HTTP. */
export interface Refusal {
  readonly reason: DenialReason
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** RFC 9457. */
  readonly problem: {
    readonly type: string
    readonly title: string
    readonly status: number
    readonly code: DenialReason
    readonly detail: string
    readonly decision_id: string
  }
}

const statusOf: Readonly<Record<DenialReason, number>> = {
  invalid_token: 401,
  token_revoked: 401,
  ambiguous_path: 400,
  ambiguous_request: 400,
  unknown_operation: 404,
  method_not_allowed: 405,
  no_role: 403,
  operation_not_in_role: 403,
  insufficient_scope: 403,
  insufficient_user_authentication: 401,
  field_not_allowed: 403,
  body_required: 403,
  filter_required: 403,
  condition_false: 403,
  condition_unknown: 403,
  unknown_resource: 404,
  tag_mismatch: 403,
  stale_bundle: 503,
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  411: 'Length Required',
  413: 'Content Too Large',
  503: 'Service Unavailable',
}

const details: Readonly<Record<DenialReason, string>> = {
  invalid_token: 'The request needs a valid access token as `Authorization: Bearer …`.',
  token_revoked: 'The access token was revoked.',
  ambiguous_path: 'The path can be read in more than one way.',
  ambiguous_request: 'The request can be read in more than one way.',
  unknown_operation: 'There is no such operation.',
  method_not_allowed: 'The path has no such method.',
  no_role: 'The caller has no role here.',
  operation_not_in_role: "None of the caller's roles allows this operation.",
  insufficient_scope: "The access token's scope does not cover this operation.",
  insufficient_user_authentication: 'The operation needs a more recent or a stronger sign-in.',
  field_not_allowed: "The request holds a field that none of the caller's roles allows.",
  body_required: 'The request needs a JSON body that can be looked at before access is decided.',
  filter_required: 'The response would hold fields that the caller may not see.',
  condition_false: "A condition of the caller's roles does not hold.",
  condition_unknown: "A condition of the caller's roles asks for what is not known.",
  unknown_resource: 'There is no such resource.',
  tag_mismatch: "The caller's tags do not match those of the resource.",
  stale_bundle: 'Access cannot be decided right now. Try again in a moment.',
}

const retryAfterSeconds = 5

/** What a challenge says whatever the reason (RFC 9110 §11.6.1). */
export interface Challenger {
  /** Names the protected API. */
  readonly realm: string
  /** How the token must be presented, or was. */
  readonly scheme: Scheme
  /** RFC 9449 §7.1: what a proof may be signed with; told with `DPoP` alone. */
  readonly proofAlgorithms: readonly string[]
  /** RFC 9728 §5.1: where it is told how to get a token. */
  readonly resourceMetadata?: string
}

export interface RefusalContext {
  readonly decisionId: DecisionId
  /** Absent where new credentials would not help. */
  readonly challenger?: Challenger | undefined
  readonly detail?: string
  /** In place of the reason's own. */
  readonly status?: number
  /** In the challenge, in place of the reason's own. */
  readonly error?: string
  readonly neededScopes?: readonly string[] | undefined
  /** What the person's sign-in must be (RFC 9470 §3). */
  readonly stepUp?: StepUp
  readonly methods?: readonly string[] | undefined
  /** No credentials were presented: the challenge then says no more than that they are needed (RFC 6750 §3). */
  readonly bare?: boolean
}

export function refusalOf(reason: DenialReason, context: RefusalContext): Refusal {
  const { decisionId, detail = details[reason], status = statusOf[reason] } = context
  const own = headersOf(reason, context)
  const common = { [decisionHeader]: decisionId, 'cache-control': 'no-store' }
  return {
    reason,
    status,
    headers: own === noHeaders ? common : { ...common, ...own },
    problem: {
      type: 'about:blank',
      title: titles[status] ?? 'Refused',
      status,
      code: reason,
      detail,
      decision_id: decisionId,
    },
  }
}

const noHeaders: Readonly<Record<string, string>> = Object.freeze({})

function headersOf(reason: DenialReason, context: RefusalContext): Readonly<Record<string, string>> {
  const { challenger } = context
  const challenge = (error: string): Readonly<Record<string, string>> =>
    challenger === undefined
      ? noHeaders
      : { 'www-authenticate': challengeOf(challenger, context, context.error ?? error) }
  switch (reason) {
    case 'invalid_token':
    case 'token_revoked':
      return challenge('invalid_token')
    case 'insufficient_user_authentication':
      return challenge('insufficient_user_authentication')
    case 'ambiguous_request':
      return challenge('invalid_request')
    case 'no_role':
    case 'operation_not_in_role':
    case 'insufficient_scope':
      return challenge('insufficient_scope')
    case 'method_not_allowed':
      return { allow: (context.methods ?? []).join(', ') }
    case 'stale_bundle':
      return { 'retry-after': String(retryAfterSeconds) }
    case 'ambiguous_path':
    case 'unknown_operation':
    case 'field_not_allowed':
    case 'body_required':
    case 'filter_required':
    case 'condition_false':
    case 'condition_unknown':
    case 'unknown_resource':
    case 'tag_mismatch':
      return noHeaders
    default:
      throw new Error(`unknown reason: ${reason satisfies never}`)
  }
}

/** Those that say no more than an error, by it: most refusals have the same. */
const written = new WeakMap<Challenger, Map<string, string>>()

function challengeOf(challenger: Challenger, context: RefusalContext, error: string): string {
  const { bare, detail, neededScopes, stepUp } = context
  if (bare === true || detail !== undefined || neededScopes !== undefined || stepUp !== undefined)
    return writeChallenge(challenger, context, error)
  const before = written.get(challenger)
  const known = before?.get(error)
  if (known !== undefined) return known
  const challenge = writeChallenge(challenger, context, error)
  written.set(challenger, (before ?? new Map<string, string>()).set(error, challenge))
  return challenge
}

/** RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3. */
function writeChallenge(challenger: Challenger, context: RefusalContext, error: string): string {
  const { realm, scheme, proofAlgorithms, resourceMetadata } = challenger
  const { bare, detail, neededScopes = [], stepUp } = context
  const parameters = [`realm="${quotable(realm)}"`]
  if (bare !== true) parameters.push(`error="${error}"`)
  if (bare !== true && detail !== undefined) parameters.push(`error_description="${quotable(detail)}"`)
  if (neededScopes.length > 0) parameters.push(`scope="${quotable(neededScopes.join(' '))}"`)
  if (stepUp?.acrValues !== undefined) parameters.push(`acr_values="${quotable(stepUp.acrValues.join(' '))}"`)
  if (stepUp?.maxAgeSeconds !== undefined) parameters.push(`max_age="${stepUp.maxAgeSeconds}"`)
  if (resourceMetadata !== undefined) parameters.push(`resource_metadata="${quotable(resourceMetadata)}"`)
  if (scheme === 'DPoP') parameters.push(`algs="${proofAlgorithms.join(' ')}"`)
  return `${scheme} ${parameters.join(', ')}`
}

/** RFC 6750 §3: printable ASCII without quotes and backslashes. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, "'")
}
