import { parseId } from '../ids.ts'
import { type Organization, organizations } from '../organizations/organization.ts'
import type { Records } from '../storage/ports.ts'
import { entitledRoles, entitlements } from './entitlement.ts'
import type { Service } from './service.ts'

/** An organization that may use something of a service. */
interface EntitledOrganization {
  readonly organization: Organization
  /** One at least. */
  readonly roles: readonly string[]
}

/**
 * The organization with this id, as the guards of a service and its owner may know it: one that may use nothing of the
 * service looks like none. Whether it is suspended is for whoever asks.
 */
export async function findEntitled(
  records: Records,
  service: Service,
  text: string,
): Promise<EntitledOrganization | undefined> {
  const id = parseId('org', text)
  if (id === undefined) return undefined
  const [organization, entitlement] = await Promise.all([
    records.find(id, organizations, id),
    records.find(id, entitlements, service.id),
  ])
  if (organization === undefined) return undefined
  const roles = entitledRoles(service.model, organization, entitlement)
  return roles.length === 0 ? undefined : { organization, roles }
}
