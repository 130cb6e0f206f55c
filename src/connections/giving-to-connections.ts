import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { groundOf } from '../roles/ground.ts'
import type { Giver } from '../services/giving.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import type { Records } from '../storage/ports.ts'
import {
  checkGivingAtOnce,
  checkGivingHeld,
  checkGivingToPeople,
  type WantedRole,
} from '../users/giving-to-users.ts'
import type { Connection } from './connection.ts'
import type { Mapping } from './mapping.ts'

/** A mapping as it was asked for. */
export interface WantedMapping {
  readonly roles: readonly (WantedRole & { readonly claim: string; readonly value: string })[]
  readonly tags: Mapping['tags']
  readonly defaultRoles: readonly WantedRole[]
}

/**
 * A mapping gives to whoever the provider names, so each of its roles and tags is the giver's to give: the one rule for
 * giving.
 * @throws {DomainError} `service_not_found`, `role_not_found`, `role_not_grantable`, `tag_not_grantable`
 */
export async function readMapping(
  records: Records,
  giver: Giver,
  organizationId: OrganizationId,
  { roles, tags, defaultRoles }: WantedMapping,
): Promise<Mapping> {
  const givable = async ({ service: named, role }: WantedRole, pointer: string) => {
    const ground = await groundOf(records, organizationId, named, `${pointer}/service`)
    await checkGivingToPeople(records, ground, giver, role, `${pointer}/role`)
    return { serviceId: ground.service.id, role }
  }
  const read: Mapping = {
    roles: await Promise.all(
      roles.map(async ({ claim, value, ...wanted }, i) => ({
        ...(await givable(wanted, `/mapping/roles/${i}`)),
        ...{ claim, value },
      })),
    ),
    tags,
    defaultRoles: await Promise.all(
      defaultRoles.map((wanted, i) => givable(wanted, `/mapping/default_roles/${i}`)),
    ),
  }
  // A sign-in gives what its rules give, all of them perhaps, or else the default: never both.
  await checkGivingAtOnce(records, giver, organizationId, read.roles, '/mapping/roles')
  await checkGivingAtOnce(records, giver, organizationId, read.defaultRoles, '/mapping/default_roles')
  // What the values will be only the provider knows: that the giver holds some does not help.
  checkGivingTags(
    { ...giver, tags: {} },
    Object.fromEntries(tags.map(({ tag, claim }) => [tag, [claim]])),
    {},
  )
  return read
}

/**
 * Letting people in through a connection is giving all that its mapping gives, and being anybody whom the provider
 * names: who may not grant roles may not do that.
 * @throws {DomainError} `role_not_grantable`, `tag_not_grantable`
 */
export async function checkGivingConnection(
  records: Records,
  giver: Giver,
  { organizationId, mapping }: Connection,
): Promise<void> {
  checkSpeakingForPeople(giver)
  await checkGivingHeld(records, giver, organizationId, [...mapping.roles, ...mapping.defaultRoles])
}

/**
 * Whoever says which provider speaks for an organization's people can sign in as each of them.
 * @throws {DomainError} `role_not_grantable`
 */
export function checkSpeakingForPeople(giver: Giver): void {
  if (!giver.mayGrantRoles)
    throw new DomainError('role_not_grantable', 'an identity provider speaks for people with any role', {
      fix: 'ask somebody who may grant roles',
    })
}
