import type { OrganizationRole } from '../evaluator/model.ts'
import type { RoleFact } from './bundle.ts'

/** An organization-defined role as decisions read it. */
export function organizationRoleOf(
  id: string,
  { organization_id, allow, filter }: RoleFact,
): OrganizationRole {
  return { id, organizationId: organization_id, allow, ...(filter === undefined ? {} : { filter }) }
}
