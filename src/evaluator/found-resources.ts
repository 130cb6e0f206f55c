import type { CompiledModel } from './compile-model.ts'
import type { CompiledResource } from './compiled-resource.ts'
import type { Found } from './find-operations.ts'
import type { DecisionFacts } from './grant.ts'
import type { Match } from './match.ts'
import { ResourceKey, type ResourceName } from './resource-key.ts'

/** The names of the resource that a matched operation acts on, and of those that hold it. */
function namesOfResource(
  { resources }: CompiledModel,
  match: Match,
  organizationId: string,
): readonly ResourceName[] {
  const path = resources.ofOperations[match.indexed.index]
  return path === undefined ? nothing : match.keys(path, organizationId).map(({ name }) => name)
}

const nothing: readonly ResourceName[] = Object.freeze([])

/** All names that a decision about a request may ask for. None where the API itself knows its resources. */
export function namesAskedFor(
  model: CompiledModel,
  found: Found,
  organizationId: string,
): readonly ResourceName[] {
  if (model.model.resources !== 'latchkey' || found.kind === 'refused') return nothing
  const [first, ...others] = found.matches
  const names = namesOfResource(model, first, organizationId)
  if (others.length === 0) return names
  return [...new Set([...names, ...others.flatMap((match) => namesOfResource(model, match, organizationId))])]
}

/**
 * The nearest of these that is registered.
 * @returns `null` if none is; `undefined` if a fact is not at hand
 */
export function nearestRegistered(
  facts: DecisionFacts,
  names: readonly ResourceName[],
): CompiledResource | null | undefined {
  for (const name of names) {
    const resource = facts.resource(ResourceKey.of(name))
    if (resource !== null) return resource
  }
  return null
}
