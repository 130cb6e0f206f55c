import { DomainError, hasCode } from '../errors.ts'
import type { OrganizationId, ServiceId } from '../ids.ts'
import { checkGiving, checkGivingTogether } from '../roles/check-giving.ts'
import { type Ground, groundOf, groundOfOwn } from '../roles/ground.ts'
import type { Giver } from '../services/giving.ts'
import { guardRoleName } from '../services/management-service.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import type { Records } from '../storage/ports.ts'
import type { RoleAssignment, User } from './user.ts'

/** A role as it was asked for. */
export interface WantedRole {
  /** A service's id or slug. */
  readonly service: string
  readonly role: string
}

/**
 * The assignments that are asked for, each new one checked by the one rule for giving; what the user has already stays
 * as it is, whoever gave it.
 * @throws {DomainError} `service_not_found`, `role_not_found`, `role_not_grantable`, `invalid_request` if one is named twice
 */
export async function assignRoles(
  records: Records,
  giver: Giver,
  organizationId: OrganizationId,
  wanted: readonly WantedRole[],
  held: readonly RoleAssignment[],
): Promise<readonly RoleAssignment[]> {
  const assignments: RoleAssignment[] = []
  const given = new Map<ServiceId, { readonly ground: Ground; readonly pointer: string }>()
  for (const [i, { service: named, role }] of wanted.entries()) {
    // What they have already is known, whatever the organization may use of it now.
    const known = held.map(({ serviceId }) => serviceId)
    const ground = await groundOf(records, organizationId, named, `/roles/${i}/service`, known)
    const { id: serviceId } = ground.service
    const isThis = (one: RoleAssignment) => one.serviceId === serviceId && one.role === role
    if (assignments.some(isThis)) throw namedTwice(i)
    const before = held.find(isThis)
    assignments.push(before ?? { serviceId, role })
    if (before !== undefined) continue
    const pointer = `/roles/${i}/role`
    await checkGivingToPeople(records, ground, giver, role, pointer)
    given.set(serviceId, { ground, pointer })
  }
  for (const [serviceId, { ground, pointer }] of given) {
    const [before, after] = [rolesOn(serviceId, held), rolesOn(serviceId, assignments)]
    checkGivingTogether(ground, giver, { before, after }, pointer)
  }
  return assignments
}

function rolesOn(serviceId: ServiceId, assignments: readonly RoleAssignment[]): readonly string[] {
  return assignments.filter((one) => one.serviceId === serviceId).map(({ role }) => role)
}

/**
 * The one rule for giving, where people are given to.
 * @throws {DomainError} `role_not_found`, `role_not_grantable`, at the pointer
 */
export async function checkGivingToPeople(
  records: Records,
  ground: Ground,
  giver: Giver,
  role: string,
  pointer: string,
): Promise<void> {
  if (ground.service.kind === 'system' && role === guardRoleName) {
    const detail = 'is for client keys alone: a guard is a process, not a person'
    throw new DomainError('role_not_grantable', `the role guard ${detail}`, { faults: [{ pointer, detail }] })
  }
  await checkGiving(records, ground, giver, role, pointer)
}

function namedTwice(i: number): DomainError {
  return new DomainError('invalid_request', 'a role is named twice', {
    faults: [{ pointer: `/roles/${i}`, detail: 'was named before', fix: 'name it once' }],
  })
}

/**
 * The same of what roles allow only together, for people of whom nobody knows yet which of them they will have.
 * @param pointer where in the body all of them stand
 * @throws {DomainError} `role_not_grantable`
 */
export async function checkGivingAtOnce(
  records: Records,
  giver: Giver,
  organizationId: OrganizationId,
  given: readonly Pick<RoleAssignment, 'serviceId' | 'role'>[],
  pointer: string,
): Promise<void> {
  for (const serviceId of new Set(given.map((one) => one.serviceId))) {
    const ground = await groundOfOwn(records, organizationId, serviceId)
    const after = [...new Set(rolesOn(serviceId, given))]
    checkGivingTogether(ground, giver, { before: [], after }, pointer)
  }
}

/**
 * Letting a user in again is giving them all that they hold. A role that is gone from its service gives nothing.
 * @throws {DomainError} `role_not_grantable`, `tag_not_grantable`
 */
export async function checkGivingUser(records: Records, giver: Giver, user: User): Promise<void> {
  checkGivingTags(giver, user.tags, {})
  await checkGivingHeld(records, giver, user.organizationId, user.roles)
}

/**
 * Giving all of these roles at once, as whoever holds them. One that is gone gives nothing.
 * @throws {DomainError} `role_not_grantable`
 */
export async function checkGivingHeld(
  records: Records,
  giver: Giver,
  organizationId: OrganizationId,
  held: readonly RoleAssignment[],
): Promise<void> {
  for (const { serviceId, role } of held)
    try {
      const ground = await groundOfOwn(records, organizationId, serviceId)
      await checkGiving(records, ground, giver, role)
      checkGivingTogether(ground, giver, { before: [], after: rolesOn(serviceId, held) }, '/role')
    } catch (cause) {
      if (!hasCode(cause, 'role_not_found') && !hasCode(cause, 'service_not_found')) throw cause
    }
}
