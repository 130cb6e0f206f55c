import { hasBit } from './bits.ts'
import { Circumstances } from './circumstances.ts'
import type { CompiledModel } from './compile-model.ts'
import { actsOnResource, findResource } from './find-resource.ts'
import type { DecisionFacts, Grant, MissingFacts } from './grant.ts'
import type { Side } from './granted-role.ts'
import type { Match } from './match.ts'
import type { Caller, DenialReason, Operation } from './model.ts'
import type { IndexedOperation } from './path-trie.ts'
import { RequestAtHand, type RequestContent } from './request/request-at-hand.ts'
import { intersectFilters, type ResponseFilter } from './response/response-filter.ts'
import {
  boundsOf,
  type Opening,
  openingOf,
  sideOfRoles,
  withinFields,
  withinFieldsOnAll,
} from './try-statements.ts'

export interface Denied {
  readonly allowed: false
  readonly reason: DenialReason
  readonly operation?: Operation
  /** With `insufficient_scope`: scopes that together would do. */
  readonly neededScopes?: readonly string[]
  /** With `method_not_allowed`: what the path knows. */
  readonly methods?: readonly string[]
  /** With `stale_bundle`: facts that must be at hand first. */
  readonly missing?: MissingFacts
}

/** Who asks for what, and what is known of it. */
export interface Asked {
  readonly model: CompiledModel
  readonly facts: DecisionFacts
  readonly caller: Caller
  readonly grant: Grant
  readonly content: RequestContent
}

/** The procedure's steps 3 to 7 for one operation. */
export function verdictOn(asked: Asked, match: Match): Denied | Opening {
  const { model, caller, grant } = asked
  const denied = outsideRoles(model, grant, match.indexed) ?? outsideOrganization(caller, grant, match)
  if (denied !== undefined) return denied
  const { index } = match.indexed
  if (!hasBit(grant.free, index) || actsOnResource(model, index)) return verdictOfStatements(asked, match)
  return { role: grant.roles.find(({ plain }) => hasBit(plain, index))?.name }
}

/** Step 3. */
function outsideRoles(model: CompiledModel, grant: Grant, indexed: IndexedOperation): Denied | undefined {
  const { index, operation } = indexed
  if (!hasBit(grant.operations, index)) {
    const reason = grant.roles.length === 0 ? 'no_role' : 'operation_not_in_role'
    return { allowed: false, reason, operation }
  }
  if (grant.scope === undefined || hasBit(grant.scope.operations, index)) return undefined
  const neededScopes = scopesFor(model, indexed)
  return { allowed: false, reason: 'insufficient_scope', operation, neededScopes }
}

/** `x-latchkey-organization`, whoever knows the resources. */
function outsideOrganization(caller: Caller, grant: Grant, match: Match): Denied | undefined {
  const { index, operation } = match.indexed
  const { organizationParameter } = operation
  if (organizationParameter === undefined) return undefined
  if (match.parameters[organizationParameter] === caller.organizationId) return undefined
  if (grant.anyOrganization !== undefined && hasBit(grant.anyOrganization, index)) return undefined
  return { allowed: false, reason: 'unknown_resource', operation }
}

/**
 * Steps 4 to 7. Each side must allow; the reason told is of the side that came least far, the roles' first, but that a body
 * is wanted only where every side could allow with one. What one side does not show of the response, is not shown.
 */
function verdictOfStatements(asked: Asked, match: Match): Denied | Opening {
  const { model, facts, caller, grant, content } = asked
  const { index, operation } = match.indexed
  const request = new RequestAtHand(operation, match, content)
  const ofRoles = withinFields(sideOfRoles(grant, index), request)
  if (typeof ofRoles === 'string') return denied(operation, ofRoles)
  const bounds = withinFieldsOnAll(boundsOf(grant, index), request)
  if (typeof bounds === 'string') return denied(operation, bounds)
  const resource = actsOnResource(model, index)
    ? findResource(model, facts, match, caller.organizationId)
    : undefined
  if (resource?.kind === 'unknown') return denied(operation, 'unknown_resource')
  if (resource?.kind === 'missing') return { ...denied(operation, 'stale_bundle'), missing: resource.missing }
  const circumstances = new Circumstances(caller, grant.principalTags, request, resource)
  const opening = openingOf(ofRoles, circumstances)
  if (typeof opening === 'string' && opening !== 'body_required') return denied(operation, opening)
  if (bounds.length > 0) return boundOpening(opening, bounds, operation, circumstances)
  return typeof opening === 'string' ? denied(operation, opening) : opening
}

function denied(operation: Operation, reason: DenialReason): Denied {
  return { allowed: false, reason, operation }
}

function boundOpening(
  ofRoles: Opening | 'body_required',
  bounds: readonly Side[],
  operation: Operation,
  circumstances: Circumstances,
): Denied | Opening {
  let opening = ofRoles
  for (const side of bounds) {
    const outcome = openingOf(side, circumstances)
    if (typeof outcome === 'string' && outcome !== 'body_required') return denied(operation, outcome)
    if (typeof outcome === 'string' || typeof opening === 'string') opening = 'body_required'
    else opening = { role: opening.role, filter: bothFilters(opening.filter, outcome.filter) }
  }
  return typeof opening === 'string' ? denied(operation, opening) : opening
}

/** What both show; absent: the whole response. */
export function bothFilters(
  one: ResponseFilter | undefined,
  other: ResponseFilter | undefined,
): ResponseFilter | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return intersectFilters(one, other)
}

/** Scopes that together open an operation: its document's first alternative, else the first role that names it. */
function scopesFor(model: CompiledModel, { index, operation }: IndexedOperation): readonly string[] {
  const isScope = (name: string) => model.rolesByName.get(name)?.role.delegable === true
  const declared = operation.alternatives.find((names) => names.length > 0 && names.every(isScope))
  if (declared !== undefined) return declared
  const opens = model.roles.find((one) => one.role.delegable && hasBit(one.operations, index))
  return opens === undefined ? [] : [opens.role.name]
}
