import { DomainError } from '../errors.ts'
import type { OrganizationId, ServiceId } from '../ids.ts'
import { checkGiving } from '../roles/check-giving.ts'
import { type Ground, groundOfOwn } from '../roles/ground.ts'
import { findService } from '../services/find-service.ts'
import type { Giver } from '../services/giving.ts'
import { guardRoleName } from '../services/management-service.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import type { Records } from '../storage/ports.ts'
import type { ClientKey } from './client-key.ts'

/**
 * Whoever gets the secret of a key that is there, or opens it further, gives its role and tags: the one rule for giving.
 * @throws {DomainError} `role_not_grantable`, `tag_not_grantable`
 */
export async function checkGivingKey(records: Records, giver: Giver, key: ClientKey): Promise<void> {
  const ground = await groundOfOwn(records, key.organizationId, key.serviceId)
  await checkGiving(records, ground, giver, key.role)
  checkGivingTags(giver, key.tags ?? {}, {})
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
