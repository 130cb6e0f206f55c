import type { Limits } from '../evaluator/limits.ts'
import type { Tags } from '../evaluator/model.ts'
import type { ServiceId } from '../ids.ts'

/** Who gives a role or an operation to a key, a user or through a role's edit: what the rule for giving must know. */
export interface Giver {
  /** Holds, in the organization that it gives in, the operation that grants roles, without any limit. */
  readonly mayGrantRoles: boolean
  /** The giver's own, in the organization that it gives in. */
  readonly tags?: Tags
  /** Whether it is certain that the giver itself may do that operation of that service wherever the limits let one. */
  holds(serviceId: ServiceId, operationId: string, limits: Limits): boolean
}

/** An operation that is to be given, and how far. */
export interface Given {
  readonly operationId: string
  readonly limits: Limits
}

/** What may not be given, and why. */
export interface OutsideOfGiving<G extends Given> {
  readonly given: G
  readonly reason: 'outside_entitlement' | 'not_held'
}

/**
 * The one rule for giving: nobody gives what is outside their organization's entitlement; and without the operation
 * that grants roles, nobody gives an operation that they do not hold, nor a weaker condition, wider fields or a weaker
 * filter than theirs.
 *
 * @param entitled the operations that the organization's entitlement on the service gives
 * @returns what may not be given, in the order given; empty: all may
 */
export function outsideOfGiving<G extends Given>(
  giver: Giver,
  serviceId: ServiceId,
  entitled: ReadonlySet<string>,
  all: Iterable<G>,
): readonly OutsideOfGiving<G>[] {
  const outside: OutsideOfGiving<G>[] = []
  for (const given of all)
    if (!entitled.has(given.operationId)) outside.push({ given, reason: 'outside_entitlement' })
    else if (!giver.mayGrantRoles && !giver.holds(serviceId, given.operationId, given.limits))
      outside.push({ given, reason: 'not_held' })
  return outside
}
