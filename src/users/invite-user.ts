import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import type { Giver } from '../services/giving.ts'
import { insert, type Records } from '../storage/ports.ts'
import { assignRoles, checkGivingTags, type WantedRole } from './giving-to-users.ts'
import { emailTaken, type User, users } from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

export interface Invitation {
  readonly email: string
  readonly name?: string | undefined
  readonly roles: readonly WantedRole[]
  readonly tags: User['tags']
}

/**
 * The person is there from now on, with roles and tags, and can do nothing until the invitation is accepted.
 * @throws {DomainError} `organization_not_found`, `service_not_found`, `role_not_found`, `role_not_grantable`,
 * `tag_not_grantable`, `invalid_request`, `already_exists`
 */
export async function inviteUser(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  { email, name, roles: wanted, tags }: Invitation,
): Promise<User> {
  await getOrganization(deps.records, organizationId)
  const roles = await assignRoles(deps.records, giver, organizationId, wanted, [])
  checkGivingTags(giver, tags, {})
  const user: User = {
    ...{
      id: deps.newId('usr'),
      organizationId,
      version: 1,
      email,
      roles,
      tags,
      identities: [],
      authority: 1,
    },
    ...(name === undefined ? {} : { name }),
    ...{ state: { kind: 'invited' }, createdBy: by.id, createdAt: deps.clock() },
  }
  const details = { email, roles, tags }
  try {
    await deps.commit({ type: 'user.invited', organizationId, target: user.id, by, details }, [
      insert(users, user),
    ])
  } catch (cause) {
    throw emailTaken(cause)
  }
  return user
}
