import type { CompiledModel } from './compile-model.ts'
import type { Found, Match } from './find-operations.ts'
import type { DecisionFacts } from './grant.ts'
import type { ResourceFact } from './model.ts'
import type { ResourceName } from './resource-path.ts'

/** The names of the resource that a matched operation acts on, and of those that hold it; see `resourceNames`. */
function namesOfResource(
  model: CompiledModel,
  match: Match,
  organizationId: string,
): readonly ResourceName[] {
  const path = model.resources.ofOperations[match.indexed.index]
  return match.resourceNames(path, organizationId)
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
): ResourceFact | null | undefined {
  for (const name of names) {
    const fact = facts.resource(name)
    if (fact !== null) return fact
  }
  return null
}
