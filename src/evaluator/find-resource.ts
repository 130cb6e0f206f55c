import type { CompiledModel } from './compile-model.ts'
import { type CompiledResource, compileResource, isSharedWith } from './compiled-resource.ts'
import type { Match } from './find-operations.ts'
import type { DecisionFacts, MissingFacts } from './grant.ts'
import type { ResourceFact } from './model.ts'
import type { ResourceName } from './resource-path.ts'

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
  const names = match.resourceNames(path, organizationId)
  for (let i = 0; i < names.length; i++) {
    const fact = facts.resource(names[i] ?? '')
    if (fact === null) continue
    if (fact === undefined) return { kind: 'missing', missing: missing(facts, names) }
    const of = compileResource(fact)
    if (of.owner === organizationId) return { kind: 'owned', of }
    const template = path?.ends[i]?.template.shape ?? ''
    const isShared = isSharedWith(
      of,
      organizationId,
      indexed.operation,
      template,
      model.sharedWithAnyone === true,
    )
    return isShared ? { kind: 'shared', of } : unknown
  }
  return unknown
}

/** All that may be asked next, so that one question is enough. */
function missing(facts: DecisionFacts, names: readonly ResourceName[]): MissingFacts {
  const resources = names.filter((name) => facts.resource(name) === undefined)
  return { roles: [], organizations: [], resources }
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
export function nearestName(
  { resources }: CompiledModel,
  facts: DecisionFacts,
  match: Match,
  organizationId: string,
): NearestResource {
  const path = resources.ofOperations[match.indexed.index]
  const names = match.resourceNames(path, organizationId)
  for (const [i, name] of names.entries()) {
    const fact = facts.resource(name)
    const shape = path?.ends[i]?.template.shape ?? ''
    if (fact !== null) return fact === undefined ? { names, shape } : { names, name, fact, shape }
  }
  return { names, shape: path?.ends[0].template.shape ?? '' }
}
