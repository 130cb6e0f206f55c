import { DomainError } from '../errors.ts'
import { didYouMean } from '../evaluator/nearest.ts'
import { type OrganizationId, parseId, type ServiceId } from '../ids.ts'
import { type Ground, groundOf } from '../roles/ground.ts'
import { operationsIn } from '../roles/read-allow.ts'
import { roles } from '../roles/role.ts'
import { findService } from '../services/find-service.ts'
import { type Giver, outsideOfGiving } from '../services/giving.ts'
import { guardRoleName } from '../services/management-service.ts'
import { operationsOf } from '../services/operations-of.ts'
import type { Records } from '../storage/ports.ts'
import type { ClientKey } from './client-key.ts'

/**
 * Checks that the giver may give this role on this ground to a key: the one rule for giving.
 * @param role the name of a service-defined role, or the id of an organization-defined one
 * @throws {DomainError} `role_not_found` if there is none on this service, `role_not_grantable` if it may not be given
 */
export async function checkGiving(
  records: Records,
  ground: Ground,
  giver: Giver,
  role: string,
): Promise<void> {
  const operations = await operationsToGive(records, ground, role)
  const outside = outsideOfGiving(giver, ground.service.id, ground.operations, operations)
  const [first] = outside
  if (first === undefined) return
  const beyond = outside.filter(({ reason }) => reason === first.reason).map(({ operationId }) => operationId)
  throw first.reason === 'not_held'
    ? notGrantable(
        role,
        'it allows operations that you do not hold yourself',
        'ask somebody who may grant roles',
        beyond,
      )
    : notGrantable(
        role,
        "it allows operations outside of the organization's entitlement",
        'take them out of the role, or ask the operator to entitle the organization to them',
        beyond,
      )
}

/**
 * The same for a key that is there: whoever gets its secret, or opens it further, gives its role.
 * @throws {DomainError} `role_not_grantable`
 */
export async function checkGivingKey(records: Records, giver: Giver, key: ClientKey): Promise<void> {
  const ground = await groundOf(records, key.organizationId, key.serviceId)
  await checkGiving(records, ground, giver, key.role)
}

async function operationsToGive(records: Records, ground: Ground, role: string): Promise<Iterable<string>> {
  const { organization, service, entitled } = ground
  const id = parseId('rol', role)
  if (id !== undefined) {
    const found = await records.find(organization.id, roles, id)
    if (found?.serviceId !== service.id) throw roleNotFound(ground, role)
    return operationsIn(found.allow)
  }
  if (!service.model.roles.some(({ name }) => name === role)) throw roleNotFound(ground, role)
  if (!entitled.includes(role))
    throw notGrantable(
      role,
      "it is outside of the organization's entitlement",
      `its roles on ${service.slug}: ${entitled.join(', ') || 'none'}`,
    )
  return operationsOf(service.model, [role])
}

function roleNotFound({ service, entitled }: Ground, role: string): DomainError {
  const fix =
    didYouMean(role, entitled) ?? 'name a role of the service, or give the id of one of your own (rol_…)'
  return new DomainError('role_not_found', `${service.slug} has no such role`, {
    faults: [{ pointer: '/role', detail: `names no role of ${service.slug}`, fix }],
  })
}

function notGrantable(
  role: string,
  why: string,
  fix: string,
  operations: readonly string[] = [],
): DomainError {
  const shown = operations.slice(0, 20)
  return new DomainError('role_not_grantable', `the role ${role} cannot be given: ${why}`, {
    fix,
    faults: [{ pointer: '/role', detail: why, fix }],
    ...(shown.length === 0 ? {} : { data: { operations: shown } }),
  })
}

/**
 * The service that a key will guard; `undefined` for every key that is not a guard's.
 * @param named the id or slug that was given, if any
 * @throws {DomainError} `invalid_request` if a guard names none, or another key does; `service_not_found` for a service
 * that is not the organization's own
 */
export async function guardedService(
  records: Records,
  { organization, service }: Ground,
  role: string,
  named: string | undefined,
): Promise<ServiceId | undefined> {
  const isGuard = service.kind === 'system' && role === guardRoleName
  if (isGuard && named !== undefined) return await ownService(records, organization.id, named)
  if (!isGuard && named === undefined) return undefined
  const detail = isGuard
    ? 'is missing: a guard needs to know which service it guards'
    : 'is only for a key of the service latchkey with the role guard'
  throw new DomainError('invalid_request', `guards_service ${detail}`, {
    faults: [{ pointer: '/guards_service', detail }],
  })
}

async function ownService(records: Records, owner: OrganizationId, named: string): Promise<ServiceId> {
  const guarded = await findService(records, named)
  if (guarded?.organizationId === owner) return guarded.id
  throw new DomainError('service_not_found', 'no such service of this organization', {
    faults: [{ pointer: '/guards_service', detail: 'names no service of this organization' }],
  })
}
