import { hasBit } from './bits.ts'
import type { CompiledModel } from './compile-model.ts'
import { type Found, findOperations } from './find-operations.ts'
import { type DecisionFacts, grantOf } from './grant.ts'
import type { Match } from './match.ts'
import type { Caller, Operation } from './model.ts'
import type { BodyAtHand } from './request/json-body.ts'
import { RequestContent } from './request/request-at-hand.ts'
import type { ResponseFilter } from './response/response-filter.ts'
import { type Asked, bothFilters, type Denied, verdictOn } from './verdict.ts'

type FoundOperations = Extract<Found, { kind: 'found' }>

/** What is asked for: the method, and the request's target as it was sent (`/path?query`). */
export interface DecisionRequest {
  readonly method: string
  readonly path: string
  /** Absent: nothing is known of it, so that what depends on it is `body_required`. */
  readonly body?: BodyAtHand
}

export interface Allowed {
  readonly allowed: true
  readonly reason: 'allowed' | 'public'
  readonly operation: Operation
  /** What the path names: its parameters, decoded once, and the path as it is compared. */
  readonly found: FoundOperations
  /** The role that opens it: a name, or an organization-defined role's id. Absent where only several together do. */
  readonly role?: string
  /**
   * What may be shown of the response. Absent: all. Who cannot put it over the response must not let the request pass:
   * the answer is `filter_required` then.
   */
  readonly filter?: ResponseFilter
}

export type Decision = Allowed | Denied

/** What who does not filter responses answers: to let the request pass would show the whole response. */
export function unfiltered(decision: Decision): Decision {
  if (!decision.allowed || decision.filter === undefined) return decision
  return { allowed: false, reason: 'filter_required', operation: decision.operation }
}

/**
 * Whether a caller may make a request, and why. Pure and synchronous: what it needs to know about roles and
 * entitlements comes from `facts`; if something is not at hand, the answer is `stale_bundle` and says what.
 * Without a caller all but public operations are `invalid_token`.
 */
export function decide(
  model: CompiledModel,
  facts: DecisionFacts,
  caller: Caller | undefined,
  request: DecisionRequest,
): Decision {
  const found = findOperations(model.paths, request.method, request.path)
  if (found.kind === 'refused') return refusal(found)
  return decideFound(model, facts, caller, found, new RequestContent(request.path, request.body))
}

export function refusal(found: Extract<Found, { kind: 'refused' }>): Denied {
  return found.reason === 'method_not_allowed'
    ? { allowed: false, reason: found.reason, methods: found.methods }
    : { allowed: false, reason: found.reason }
}

/** Whether nobody needs to say who they are: then no token is looked at. */
export function isPublic(found: FoundOperations): boolean {
  return found.matches.every(isOpenToAll)
}

function isOpenToAll({ indexed }: Match): boolean {
  return indexed.operation.public === true
}

/**
 * The same as `decide` for operations already found. Where templates overlap, each operation must allow; that one wants a
 * body is told only if all could allow with one.
 */
export function decideFound(
  model: CompiledModel,
  facts: DecisionFacts,
  caller: Caller | undefined,
  found: FoundOperations,
  content: RequestContent,
): Decision {
  const first = found.matches[0]
  const { operation } = first.indexed
  if (isPublic(found)) return allowedTo(found, 'public')
  if (caller === undefined) return { allowed: false, reason: 'invalid_token', operation }
  const grant = grantOf(model, facts, caller)
  if (!('operations' in grant)) return { allowed: false, reason: 'stale_bundle', operation, missing: grant }
  const asked: Asked = { model, facts, caller, grant, content }
  let role: string | undefined
  let filter: ResponseFilter | undefined
  let wanting: Denied | undefined
  for (const match of found.matches) {
    if (isOpenToAll(match)) continue
    const verdict = verdictOn(asked, match)
    if ('reason' in verdict) {
      if (verdict.reason !== 'body_required') return verdict
      wanting ??= verdict
      continue
    }
    if (match === first) role = verdict.role
    filter = bothFilters(filter, verdict.filter)
  }
  if (wanting !== undefined) return wanting
  const allowed = allowedTo(found, 'allowed', role)
  return filter === undefined ? allowed : { ...allowed, filter }
}

function allowedTo(found: FoundOperations, reason: Allowed['reason'], role?: string): Allowed {
  const { operation } = found.matches[0].indexed
  return role === undefined
    ? { allowed: true, reason, operation, found }
    : { allowed: true, reason, operation, found, role }
}

/**
 * Whether a caller holds an operation, without a request: for rules about giving and for what a page shows.
 * In another organization than its own (`organizationId`) only a role that passes for any organization counts.
 * What is held only under a condition, for some fields or with a filter is not held: a request would be needed to tell.
 * `false` while a fact is not at hand.
 */
export function allows(
  model: CompiledModel,
  facts: DecisionFacts,
  caller: Caller,
  operationId: string,
  organizationId: string = caller.organizationId,
): boolean {
  const indexed = model.operationsById.get(operationId)
  const grant = grantOf(model, facts, caller)
  if (indexed === undefined || !('operations' in grant)) return false
  if (!hasBit(grant.free, indexed.index)) return false
  if (organizationId === caller.organizationId) return true
  return grant.anyOrganization !== undefined && hasBit(grant.anyOrganization, indexed.index)
}
