import type { CompiledModel } from '../compile-model.ts'
import { unmatchedTags } from '../compiled-resource.ts'
import { nearestResource } from '../find-resource.ts'
import { explainCondition } from './explain-condition.ts'
import type {
  ExplainedAttempt,
  ExplainedOperation,
  ExplainedOrganization,
  ExplainedResource,
  UnmatchedTag,
} from './explanation.ts'
import { fieldsOutside } from './fields-outside.ts'
import { readStatement } from './read-statement.ts'
import { shownTag } from './shown-values.ts'
import type { Situation } from './situation.ts'
import type { Tried, TriedFor, TriedOperation, TriedSide } from './tried.ts'
import { passesOrganization } from './try-operations.ts'
import { circumstancesOf } from './try-statement.ts'

export function explainedOperation(
  model: CompiledModel,
  { facts }: Situation,
  tried: TriedOperation,
): ExplainedOperation {
  const { match, reason, of, sides } = tried
  const detailed = firstDenied(sides)
  const organization = explainedOrganization(tried)
  const resource = of && explainedResource(model, facts, tried, of)
  return {
    ...{ operation: match.indexed.operation, parameters: match.parameters, reason },
    ...(organization === undefined ? {} : { organization }),
    ...(resource === undefined ? {} : { resource }),
    sides: sides.map(({ roles, ...side }) => ({
      ...side,
      roles: roles.map((role) => ({
        ...{ names: role.names, standing: role.standing },
        attempts: of === undefined ? [] : role.tried.map((one) => explainedAttempt(one, of, detailed)),
      })),
    })),
  }
}

function explainedOrganization(tried: TriedOperation): ExplainedOrganization | undefined {
  const { organizationParameter: parameter } = tried.match.indexed.operation
  if (parameter === undefined || tried.of === undefined) return undefined
  const asked = tried.match.parameters[parameter] ?? ''
  return { parameter, asked, own: tried.of.caller.organizationId, passes: passesOrganization(tried) }
}

function explainedResource(
  model: CompiledModel,
  facts: Situation['facts'],
  { match }: TriedOperation,
  { resource, caller }: TriedFor,
): ExplainedResource | undefined {
  if (resource === undefined) return undefined
  const { names, name, fact } = nearestResource(model, facts, match, caller.organizationId)
  if (resource.kind === 'missing') return { names, standing: 'not_at_hand' }
  if (name === undefined || fact === undefined) return { names, standing: 'unregistered' }
  const standing = resource.kind === 'unknown' ? 'of_another' : resource.kind
  return { names, standing, registered: { name, owner: fact.owner, tags: fact.tags } }
}

/** Of so many statements that do not allow, it is told in detail why: of the others, the reason alone. */
const detailedMax = 20

function firstDenied(sides: readonly TriedSide[]): ReadonlySet<Tried> {
  const all = sides.flatMap(({ roles }) => roles.flatMap(({ tried }) => tried))
  return new Set(all.filter(({ reason }) => reason !== 'allowed').slice(0, detailedMax))
}

function explainedAttempt(tried: Tried, of: TriedFor, detailed: ReadonlySet<Tried>): ExplainedAttempt {
  const { source, reason } = tried
  const { place, filters } = source
  return {
    ...{ place, reason },
    ...(filters.length === 0 ? {} : { filters }),
    ...(detailed.has(tried) ? detailOf(source, reason, of) : {}),
  }
}

function detailOf(
  { statement }: Tried['source'],
  reason: Tried['reason'],
  of: TriedFor,
): Partial<ExplainedAttempt> {
  if (reason === 'field_not_allowed')
    return { fieldsOutside: fieldsOutside(statement.fields ?? [], of.request).map(({ text }) => text) }
  const circumstances = circumstancesOf(of)
  if (typeof circumstances === 'string' || reason === 'allowed') return {}
  if (reason === 'tag_mismatch') return { tagsUnmatched: tagsUnmatched(of) }
  const { condition } = readStatement(statement)
  // Fields that cannot be looked at come before the condition.
  const isOfFields = reason === 'body_required' || reason === 'ambiguous_request'
  if (condition === undefined || (isOfFields && statement.fields !== undefined)) return {}
  return { condition: explainCondition(condition, circumstances, of.request) }
}

function tagsUnmatched({ resource, grant }: TriedFor): readonly UnmatchedTag[] {
  if (resource?.kind !== 'owned') return []
  return unmatchedTags(resource.of, grant.principalTags).map(([key, needed]) => ({
    ...{ key, needed: shownTag(key, needed) },
    own: shownTag(key, grant.principalTags.get(key)),
  }))
}
