import type { CompiledModel } from './compile-model.ts'
import { type CompiledResource, isSharedWith } from './compiled-resource.ts'
import type { DecisionFacts, MissingFacts } from './grant.ts'
import type { Match } from './match.ts'
import type { ResourceFact } from './model.ts'
import type { ResourceKey, ResourceName } from './resource-key.ts'

/** A resource that the caller's organization may act on: as its owner, or by an access tag. */
export interface KnownResource {
  readonly kind: 'owned' | 'shared'
  readonly of: CompiledResource
}

export type FoundResource =
  | KnownResource
  /** Not registered, or another organization's and not shared: nobody is told which. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'missing'; readonly missing: MissingFacts }

const unknown: FoundResource = { kind: 'unknown' }

/** Whether an operation acts on a resource that Latchkey knows. */
export function actsOnResource({ model, resources }: CompiledModel, index: number): boolean {
  return model.resources === 'latchkey' && resources.ofOperations[index] !== undefined
}

/** The nearest registered resource of those that a path leads to: its owner and its tags are those of what is below it. */
export function findResource(
  { model, resources }: CompiledModel,
  facts: DecisionFacts,
  match: Match,
  organizationId: string,
): FoundResource {
  const { indexed } = match
  const path = resources.ofOperations[indexed.index]
  if (path === undefined) return unknown
  let key = match.ownKey(path, organizationId)
  let of = facts.resource(key)
  if (of === null)
    for (key of match.ancestorKeys(path, organizationId)) {
      of = facts.resource(key)
      if (of !== null) break
    }
  if (of === undefined) return { kind: 'missing', missing: missing(facts, match.keys(path, organizationId)) }
  if (of === null) return unknown
  if (of.owner === organizationId) return { kind: 'owned', of }
  const isAnyone = model.sharedWithAnyone === true
  return isSharedWith(of, organizationId, indexed.operation, key.shape, isAnyone)
    ? { kind: 'shared', of }
    : unknown
}

/** All that may be asked next, so that one question is enough. */
function missing(facts: DecisionFacts, keys: readonly ResourceKey[]): MissingFacts {
  const asked = keys.filter((key) => facts.resource(key) === undefined)
  return { roles: [], organizations: [], resources: asked.map(({ name }) => name) }
}

/** A resource that an operation's path names, as it is registered; for explanations. */
interface NearestResource {
  /** Of all that the path names, the nearest first. */
  readonly names: readonly ResourceName[]
  /** The first of them that is registered; absent if none is, or if it is not known. */
  readonly name?: ResourceName
  readonly fact?: ResourceFact
  /** Of its path template. */
  readonly shape: string
}

/** Whoever owns it: what is found here is not for callers. */
export function nearestResource(
  { resources }: CompiledModel,
  facts: DecisionFacts,
  match: Match,
  organizationId: string,
): NearestResource {
  const path = resources.ofOperations[match.indexed.index]
  const keys = path === undefined ? [] : match.keys(path, organizationId)
  const names = keys.map(({ name }) => name)
  for (const key of keys) {
    const of = facts.resource(key)
    if (of === undefined) return { names, shape: key.shape }
    if (of === null) continue
    const fact = { owner: of.owner, tags: of.tagging.given }
    return { names, name: key.name, fact, shape: key.shape }
  }
  return { names, shape: path?.ends[0].template.shape ?? '' }
}
