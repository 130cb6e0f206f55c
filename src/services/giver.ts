import type { Limits } from '../evaluator/limits.ts'
import type { Tags } from '../evaluator/model.ts'
import type { Records } from '../storage/ports.ts'
import { findServiceBySlug } from './find-service.ts'
import type { Giver } from './giving.ts'
import { managementSlug } from './management-service.ts'

/** The operation of the service `latchkey` that grants roles: who holds it gives any role within the entitlement. */
export const grantingOperation = 'grantClientKeyRole'

/**
 * Who calls the management API, as a giver: its own operations are those of the service `latchkey`, which its token is
 * for. What it may do at other services this token does not say, so that without the operation that grants roles it
 * gives nothing there.
 */
export async function giverOf(
  records: Records,
  principal: { holds(operationId: string, limits?: Limits): boolean; readonly tags?: Tags },
): Promise<Giver> {
  const management = await findServiceBySlug(records, managementSlug)
  return {
    mayGrantRoles: principal.holds(grantingOperation),
    ...(principal.tags === undefined ? {} : { tags: principal.tags }),
    holds: (serviceId, operationId, limits) =>
      serviceId === management?.id && principal.holds(operationId, limits),
  }
}
