import { hasBit } from '../bits.ts'
import type { CompiledModel } from '../compile-model.ts'
import { findOperations } from '../find-operations.ts'
import { actsOnResource, findResource } from '../find-resource.ts'
import { grantOf } from '../grant.ts'
import type { Match } from '../match.ts'
import { RequestAtHand } from '../request/request-at-hand.ts'
import { verdictOn } from '../verdict.ts'
import type { ReadSituation } from './situation.ts'
import { sourcesOf } from './sources.ts'
import type { TriedOperation, TriedSide } from './tried.ts'
import { tryStatement } from './try-statement.ts'

/** Each operation that a request names; none if it names none. */
export function tryOperations(model: CompiledModel, situation: ReadSituation): readonly TriedOperation[] {
  const { request } = situation
  const found = findOperations(model.paths, request.method, request.path)
  if (found.kind === 'refused') return []
  return found.matches.map((match) => tryOperation(model, situation, match))
}

function tryOperation(
  model: CompiledModel,
  { facts, caller, content }: ReadSituation,
  match: Match,
): TriedOperation {
  const { operation, index } = match.indexed
  if (operation.public === true) return { match, reason: 'public', sides: [] }
  if (caller === undefined) return { match, reason: 'invalid_token', sides: [] }
  const grant = grantOf(model, facts, caller)
  if (!('operations' in grant)) return { match, reason: 'stale_bundle', sides: [] }
  const verdict = verdictOn({ model, facts, caller, grant, content }, match)
  const request = new RequestAtHand(operation, match, content)
  const resource = actsOnResource(model, index)
    ? findResource(model, facts, match, caller.organizationId)
    : undefined
  const of = { caller, grant, request, resource }
  const sides = sourcesOf(model, facts, caller, grant, operation).map(({ kind, roles }): TriedSide => {
    const tried = roles.map(({ names, standing, sources }) => ({
      ...{ names, standing },
      tried: sources.map((source) => ({ source, reason: tryStatement(source, kind, of) })),
    }))
    const allows = tried.some((role) => role.tried.some(({ reason }) => reason === 'allowed'))
    return { kind, allows, roles: tried }
  })
  return { match, reason: 'reason' in verdict ? verdict.reason : 'allowed', of, sides }
}

/** Whether the path is of an organization that the caller reaches: its own, or any. */
export function passesOrganization({ match, of }: TriedOperation): boolean {
  const { organizationParameter } = match.indexed.operation
  if (organizationParameter === undefined || of === undefined) return true
  const { anyOrganization } = of.grant
  return (
    match.parameters[organizationParameter] === of.caller.organizationId ||
    (anyOrganization !== undefined && hasBit(anyOrganization, match.indexed.index))
  )
}
