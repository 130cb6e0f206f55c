import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import { findService } from '../services/find-service.ts'
import type { Page, Records } from '../storage/ports.ts'
import { type Role, roles } from './role.ts'

/**
 * In the order of making.
 * @param serviceNamed only those on this service: its id or slug
 * @throws {DomainError} `organization_not_found`, `service_not_found`
 */
export async function listRoles(
  records: Records,
  organizationId: OrganizationId,
  serviceNamed: string | undefined,
  page: Page,
): Promise<readonly Role[]> {
  await getOrganization(records, organizationId)
  if (serviceNamed === undefined) return await records.list(organizationId, roles, 'all', '', page)
  const service = await findService(records, serviceNamed)
  if (service === undefined) throw new DomainError('service_not_found', 'no such service')
  return await records.list(organizationId, roles, 'service', service.id, page)
}
