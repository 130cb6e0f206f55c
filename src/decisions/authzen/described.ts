import type { CompiledModel } from '../../evaluator/compile-model.ts'
import { compileResource } from '../../evaluator/compiled-resource.ts'
import type { DecisionRequest } from '../../evaluator/decide.ts'
import { findOperations } from '../../evaluator/find-operations.ts'
import { namesAskedFor, nearestRegistered } from '../../evaluator/found-resources.ts'
import type { Tags } from '../../evaluator/model.ts'
import { foldTag } from '../../evaluator/where/fold-tag.ts'
import {
  isReservedTagKey,
  tagKeyLengthMax,
  tagKeysMax,
  tagValueLengthMax,
  tagValuesMax,
} from '../../services/principal-tags.ts'
import type { Described } from '../server-decider.ts'
import { isScalar, type Properties } from './request-of-action.ts'

/**
 * Properties as tags: texts, numbers, truth values and lists of them. Whatever they are called, they are tags and nothing
 * else: no owner, no organization, no role. What means something of its own among tags is left out.
 */
export function tagsIn(properties: Properties): Tags {
  const tags = Object.entries(properties).flatMap(([key, value]): [string, string[]][] => {
    const values = (Array.isArray(value) ? value : [value]).filter(isScalar).map(String)
    const fits = key.length <= tagKeyLengthMax && values.length <= tagValuesMax && values.every(isShort)
    return key === '' || isReservedTagKey(key) || values.length === 0 || !fits ? [] : [[key, values]]
  })
  return Object.fromEntries(tags.slice(0, tagKeysMax))
}

function isShort({ length }: string): boolean {
  return length > 0 && length <= tagValueLengthMax
}

/**
 * What a resource's properties add to the facts about a request. They describe only what the store does not know: a
 * resource that is not registered itself has the owner and the tags of the nearest one that holds it, and these beside
 * them. What nobody that is registered holds has no owner, and stays unknown.
 */
export function describedResource(
  model: CompiledModel,
  request: DecisionRequest,
  properties: Properties,
): Described {
  const tags = tagsIn(properties)
  return (facts, caller) => {
    const found = findOperations(model.paths, request.method, request.path)
    const [own, ...holders] = namesAskedFor(model, found, caller.organizationId)
    if (own === undefined || nearestRegistered(facts, [own]) !== null) return facts
    const holder = nearestRegistered(facts, holders)
    if (holder === null || holder === undefined) return facts
    const { given } = holder.tagging
    const described = compileResource({ owner: holder.owner, tags: { ...without(tags, given), ...given } })
    return {
      role: (id) => facts.role(id),
      entitlement: (id) => facts.entitlement(id),
      resource: (key) => {
        const known = facts.resource(key)
        return known === holder ? described : known
      },
    }
  }
}

/** Those whose keys the other does not have, letter case aside. */
function without(tags: Tags, other: Tags): Tags {
  const known = new Set(Object.keys(other).map(foldTag))
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !known.has(foldTag(key))))
}
