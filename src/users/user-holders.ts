import type { Actor, Commit } from '../audit/record.ts'
import type { OrganizationId, RoleId } from '../ids.ts'
import type { EndHolders, HoldersOf } from '../roles/holders.ts'
import { endInPages } from '../storage/in-pages.ts'
import { type Records, update } from '../storage/ports.ts'
import { type RoleAssignment, type User, users, withAuthorityRaised } from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The users that hold an organization-defined role. */
export function usersHolding(records: Records): HoldersOf {
  return async (organizationId, roleId, limit) => {
    const found = await records.list(organizationId, users, 'role', roleId, { limit })
    return found.map(({ id, name, email }) => ({ kind: 'user', id, name: name ?? email }))
  }
}

/** Takes a deleted role from its users. It was worth nothing from its commit on; this tells each one's own trail. */
export function takeFromHolders({ records, commit }: Deps): EndHolders {
  return (organizationId, roleId, by) =>
    endInPages(
      () => records.list(organizationId, users, 'role', roleId, { limit: pageSize }),
      ([first, ...others]) => {
        const taken = (user: User) => withoutRoles(user, ({ role }) => role === roleId)
        const told = happeningOf({ organizationId, roleId, by }, taken)
        return commit(
          [told(first), ...others.map(told)],
          // One entry for the role has ended all of their tokens already.
          [first, ...others].map((before) => update(users, before, taken(before))),
        )
      },
    )
}

interface Ending {
  readonly organizationId: OrganizationId
  readonly roleId: RoleId
  readonly by: Actor
}

function happeningOf({ organizationId, roleId, by }: Ending, taken: (user: User) => User) {
  return (user: User) => {
    const details = { from: user.roles, to: taken(user).roles, reason: 'role_deleted', role: roleId }
    return { type: 'user.roles_changed', organizationId, target: user.id, by, details } as const
  }
}

/** The user without some of its roles, at the next authority. */
export function withoutRoles(user: User, isGone: (assignment: RoleAssignment) => boolean): User {
  return withAuthorityRaised(user, { roles: user.roles.filter((one) => !isGone(one)) })
}
