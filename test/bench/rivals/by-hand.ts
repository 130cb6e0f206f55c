import type { TaggedWorld, WorldRequest } from '../tagged-world.ts'
import type { Rival } from './rival.ts'

/** What somebody would write for this world alone: two look-ups and four comparisons. */
export async function byHand({ callers, resources }: TaggedWorld): Promise<Rival> {
  const environments = new Map<string, ReadonlyMap<string, ReadonlySet<string>>>()
  for (const { id, statements } of callers) {
    const byOperation = new Map<string, Set<string>>()
    for (const statement of statements)
      for (const operation of statement.operations) {
        const known = byOperation.get(operation) ?? new Set()
        for (const environment of statement.environments) known.add(environment)
        byOperation.set(operation, known)
      }
    environments.set(id, byOperation)
  }
  return {
    name: 'written by hand for it',
    allows: ({ caller, operation, resource: name }: WorldRequest) => {
      const allowed = environments.get(caller.id)?.get(operation)
      const resource = allowed === undefined ? undefined : resources.get(name)
      return (
        resource !== undefined &&
        resource.owner === caller.organization &&
        resource.team === caller.team &&
        allowed?.has(resource.env) === true
      )
    },
  }
}
