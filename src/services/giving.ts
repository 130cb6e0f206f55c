import type { Tags } from '../evaluator/model.ts'
import type { ServiceId } from '../ids.ts'

/** Who gives a role or an operation to a key, a user or through a role's edit: what the rule for giving must know. */
export interface Giver {
  /** Holds, in the organization that it gives in, the operation that grants roles. */
  readonly mayGrantRoles: boolean
  /** The giver's own, in the organization that it gives in. */
  readonly tags?: Tags
  /** Whether the giver itself may do that operation of that service. */
  holds(serviceId: ServiceId, operationId: string): boolean
}

/** Why an operation may not be given. */
export interface OutsideOfGiving {
  readonly operationId: string
  readonly reason: 'outside_entitlement' | 'not_held'
}

/**
 * The one rule for giving: nobody gives what is outside their organization's entitlement; and without the operation
 * that grants roles, nobody gives an operation that they do not hold.
 *
 * @param entitled the operations that the organization's entitlement on the service gives
 * @param operationIds what is to be given
 * @returns what may not be given, in the order asked; empty: all may
 */
export function outsideOfGiving(
  giver: Giver,
  serviceId: ServiceId,
  entitled: ReadonlySet<string>,
  operationIds: Iterable<string>,
): readonly OutsideOfGiving[] {
  const outside: OutsideOfGiving[] = []
  for (const operationId of new Set(operationIds))
    if (!entitled.has(operationId)) outside.push({ operationId, reason: 'outside_entitlement' })
    else if (!giver.mayGrantRoles && !giver.holds(serviceId, operationId))
      outside.push({ operationId, reason: 'not_held' })
  return outside
}
