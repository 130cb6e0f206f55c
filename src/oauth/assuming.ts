import type { Activity, RefusalReason } from '../audit/activity.ts'
import { parseId } from '../ids.ts'
import { type Organization, organizations } from '../organizations/organization.ts'
import { type Assumption, findAssumption } from '../roles/assumption.ts'
import { isAssumable } from '../roles/check-assumption.ts'
import { type Role, roles } from '../roles/role.ts'
import { entitledRoles, entitlements } from '../services/entitlement.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import type { Assumer, Assuming } from './exchange.ts'

interface Deps {
  readonly records: Records
  readonly activity: Activity
}

/**
 * What is assumed, if it may be, by this one, now. The reason why not is for the organization that has the assumption;
 * whoever asks is told alike whether there is none, or none for them.
 * @param named as it was sent
 */
export async function assumingOf(
  { records, activity }: Deps,
  service: Service,
  named: string,
  by: Assumer,
  address: string,
): Promise<Assuming | undefined> {
  const id = parseId('asm', named)
  const assumption = id && (await findAssumption(records, id))
  if (assumption?.serviceId !== service.id) return undefined
  const { organizationId } = assumption
  const organization = await records.find(organizationId, organizations, organizationId)
  const roleId = parseId('rol', assumption.role)
  const role = roleId && (await records.find(organizationId, roles, roleId))
  const reason =
    refusalOf(assumption, by, organization) ??
    (organization && (await roleRefusal(records, service, assumption, organization, role)))
  if (reason === undefined && organization !== undefined) return { assumption, organization, role, by }
  if (reason !== undefined) activity.refused(organizationId, assumption.id, reason, address)
  return undefined
}

function refusalOf(
  { assumingOrganizationId, principals }: Assumption,
  { organization, subject }: Assumer,
  owner: Organization | undefined,
): RefusalReason | undefined {
  if (owner === undefined) return 'organization_gone'
  if (assumingOrganizationId !== organization.id) return 'wrong_organization'
  if (principals.length > 0 && !principals.includes(subject.id)) return 'principal_not_named'
  return owner.state.kind === 'suspended' ? 'organization_suspended' : undefined
}

/** The role is still there, still of the kind that others may take, and within what its organization may use. */
async function roleRefusal(
  records: Records,
  service: Service,
  { role: name, organizationId }: Assumption,
  organization: Organization,
  role: Role | undefined,
): Promise<RefusalReason | undefined> {
  if (parseId('rol', name) !== undefined) return role?.serviceId === service.id ? undefined : 'role_deleted'
  const entitlement = await records.find(organizationId, entitlements, service.id)
  const isEntitled = entitledRoles(service.model, organization, entitlement).includes(name)
  return isEntitled && isAssumable(service, name) ? undefined : 'role_deleted'
}
