import type { OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import type { Page, Records } from '../storage/ports.ts'
import { foldEmail, type User, users } from './user.ts'

/**
 * In the order of making.
 * @param email only the one with this address
 * @throws {DomainError} `organization_not_found`
 */
export async function listUsers(
  records: Records,
  organizationId: OrganizationId,
  email: string | undefined,
  page: Page,
): Promise<readonly User[]> {
  await getOrganization(records, organizationId)
  return email === undefined
    ? await records.list(organizationId, users, 'all', '', page)
    : await records.list(organizationId, users, 'email', foldEmail(email), page)
}
