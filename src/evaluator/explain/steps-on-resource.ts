import { accessTagFor, unmatchedTags } from '../compiled-resource.ts'
import { nearestResource } from '../find-resource.ts'
import type { Tags } from '../model.ts'
import { resourceNameLengthMax } from '../resource-key.ts'
import { foldTag } from '../where/fold-tag.ts'
import type { Edit } from './edit.ts'
import type { Obstacle, Step } from './obstacle.ts'
import { looksSecret } from './shown-values.ts'

/** A resource that nobody registered is registered; one of another organization is shared by it. */
export function resourceSteps({ giving, situation, tried, of }: Obstacle): readonly Step[] {
  const { organizationId } = of.caller
  const { model } = giving
  const { names, name, fact, shape } = nearestResource(model, situation.facts, tried.match, organizationId)
  const [own] = names
  if (name === undefined || fact === undefined) {
    const canBe = own !== undefined && own.length <= resourceNameLengthMax
    return canBe ? [[{ kind: 'register_resource', resource: own, owner: organizationId }]] : []
  }
  const key = accessTagFor(tried.match.indexed.operation, shape)
  return [[{ kind: 'share_resource', resource: name, key, organization: organizationId }]]
}

/** The principal gets what it lacks, or the resource asks for no more than the principal has. */
export function unmatchedSteps({ giving, situation, tried, of }: Obstacle): readonly Step[] {
  const { resource, caller, grant } = of
  if (resource?.kind !== 'owned') return []
  const { name, fact } = nearestResource(giving.model, situation.facts, tried.match, caller.organizationId)
  const keys = unmatchedTags(resource.of, grant.principalTags).map(([key]) => key)
  if (name === undefined || fact === undefined || keys.some(looksSecret)) return []
  const tagPrincipal = keys.flatMap((folded): Edit[] => {
    const { key, value } = firstOf(fact.tags, folded)
    return value === undefined ? [] : [{ kind: 'tag_principal', key, value }]
  })
  const tagResource = keys.map((folded): Edit => {
    const { value } = firstOf(caller.tags ?? {}, folded)
    const { key } = firstOf(fact.tags, folded)
    return value === undefined
      ? { kind: 'untag_resource', resource: name, key }
      : { kind: 'tag_resource', resource: name, key, value }
  })
  return [tagPrincipal, tagResource]
}

/** A tag as it is written, found without case. */
function firstOf(tags: Tags, folded: string): { readonly key: string; readonly value: string | undefined } {
  const [key, values] = Object.entries(tags).find(([written]) => foldTag(written) === folded) ?? [folded, []]
  return { key, value: values[0] }
}
