import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import { findService } from '../services/find-service.ts'
import type { Page, Records } from '../storage/ports.ts'
import { type ClientKey, clientKeys } from './client-key.ts'

/**
 * In the order of making.
 * @param serviceNamed only those on this service: its id or slug
 * @throws {DomainError} `organization_not_found`, `service_not_found`
 */
export async function listClientKeys(
  records: Records,
  organizationId: OrganizationId,
  serviceNamed: string | undefined,
  page: Page,
): Promise<readonly ClientKey[]> {
  await getOrganization(records, organizationId)
  if (serviceNamed === undefined) return await records.list(organizationId, clientKeys, 'all', '', page)
  const service = await findService(records, serviceNamed)
  if (service === undefined) throw new DomainError('service_not_found', 'no such service')
  return await records.list(organizationId, clientKeys, 'service', service.id, page)
}
