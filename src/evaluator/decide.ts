import { hasBit } from './bits.ts'
import type { CompiledModel } from './compile-model.ts'
import { type Found, findOperations, type Match } from './find-operations.ts'
import { type DecisionFacts, type Grant, grantOf, type MissingFacts } from './grant.ts'
import type { Caller, DenialReason, Operation } from './model.ts'
import type { IndexedOperation } from './path-trie.ts'

/** What is asked for: the method, and the request's target as it was sent (`/path?query`). */
export interface DecisionRequest {
  readonly method: string
  readonly path: string
}

export interface Allowed {
  readonly allowed: true
  readonly reason: 'allowed' | 'public'
  readonly operation: Operation
  /** Path parameters, decoded once. */
  readonly parameters: Readonly<Record<string, string>>
  readonly canonicalPath: string
  /** The role that opens it: a name, or an organization-defined role's id. Absent where only several together do. */
  readonly role?: string
}

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

export type Decision = Allowed | Denied

type FoundOperations = Extract<Found, { kind: 'found' }>

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
  return found.kind === 'refused' ? refusal(found) : decideFound(model, facts, caller, found)
}

export function refusal(found: Extract<Found, { kind: 'refused' }>): Denied {
  return found.reason === 'method_not_allowed'
    ? { allowed: false, reason: found.reason, methods: found.methods }
    : { allowed: false, reason: found.reason }
}

/** Whether nobody needs to say who they are: then no token is looked at. */
export function isPublic(found: FoundOperations): boolean {
  return found.matches.every(({ indexed }) => indexed.operation.public === true)
}

/** The same as `decide` for operations already found. Where templates overlap, each operation must allow. */
export function decideFound(
  model: CompiledModel,
  facts: DecisionFacts,
  caller: Caller | undefined,
  found: FoundOperations,
): Decision {
  const [first] = found.matches
  const { operation } = first.indexed
  const allowed = { operation, parameters: first.parameters, canonicalPath: found.canonicalPath } as const
  if (isPublic(found)) return { allowed: true, reason: 'public', ...allowed }
  if (caller === undefined) return { allowed: false, reason: 'invalid_token', operation }
  const grant = grantOf(model, facts, caller)
  if (!('operations' in grant)) return { allowed: false, reason: 'stale_bundle', operation, missing: grant }
  for (const match of found.matches) {
    const denied = match.indexed.operation.public === true ? undefined : denial(model, grant, caller, match)
    if (denied !== undefined) return denied
  }
  const role = grant.roles.find(({ operations }) => hasBit(operations, first.indexed.index))
  return { allowed: true, reason: 'allowed', ...allowed, ...(role === undefined ? {} : { role: role.name }) }
}

function denial(model: CompiledModel, grant: Grant, caller: Caller, match: Match): Denied | undefined {
  const { index, operation } = match.indexed
  if (!hasBit(grant.operations, index)) {
    const reason = grant.roles.length === 0 ? 'no_role' : 'operation_not_in_role'
    return { allowed: false, reason, operation }
  }
  if (grant.scope !== undefined && !hasBit(grant.scope, index)) {
    const neededScopes = scopesFor(model, match.indexed)
    return { allowed: false, reason: 'insufficient_scope', operation, neededScopes }
  }
  const { organizationParameter } = operation
  if (organizationParameter === undefined) return undefined
  if (match.parameters[organizationParameter] === caller.organizationId) return undefined
  if (grant.anyOrganization !== undefined && hasBit(grant.anyOrganization, index)) return undefined
  return { allowed: false, reason: 'unknown_resource', operation }
}

/** Scopes that together open an operation: its document's first alternative, else the first role that names it. */
function scopesFor(model: CompiledModel, { index, operation }: IndexedOperation): readonly string[] {
  const isScope = (name: string) => model.rolesByName.get(name)?.role.delegable === true
  const declared = operation.alternatives.find((names) => names.length > 0 && names.every(isScope))
  if (declared !== undefined) return declared
  const opens = model.roles.find((one) => one.role.delegable && hasBit(one.operations, index))
  return opens === undefined ? [] : [opens.role.name]
}

/**
 * Whether a caller holds an operation, without a request: for rules about giving and for what a page shows.
 * In another organization than its own (`organizationId`) only a role that passes for any organization counts.
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
  if (!hasBit(grant.operations, indexed.index)) return false
  if (grant.scope !== undefined && !hasBit(grant.scope, indexed.index)) return false
  if (organizationId === caller.organizationId) return true
  return grant.anyOrganization !== undefined && hasBit(grant.anyOrganization, indexed.index)
}
