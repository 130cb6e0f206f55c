import { isDeepStrictEqual } from 'node:util'
import type { Actor, Commit, Happening } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId, UserId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { assignRoles, type WantedRole } from './giving-to-users.ts'
import { endTokens, getUser, type User, users, withAuthorityRaised } from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/** What is absent stays. */
export interface UserChange {
  /** `null`: none. */
  readonly name?: string | null | undefined
  /** All of them: those left out are taken. */
  readonly roles?: readonly WantedRole[] | undefined
  readonly tags?: User['tags'] | undefined
  readonly ifMatch?: number | undefined
}

/**
 * Another name, other roles or tags, under the one rule for giving. A change of roles or tags ends the user's tokens.
 * @throws {DomainError} `user_not_found`, `service_not_found`, `role_not_found`, `role_not_grantable`,
 * `tag_not_grantable`, `invalid_request`, `precondition_failed`, `conflict`
 */
export async function changeUser(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: UserId,
  change: UserChange,
): Promise<User> {
  const before = await getUser(deps.records, organizationId, id)
  expectVersion(before, change.ifMatch)
  const changed = await applied(deps.records, giver, before, change)
  const mayDoOther = !isDeepStrictEqual([changed.roles, changed.tags], [before.roles, before.tags])
  const after = mayDoOther ? withAuthorityRaised(changed, {}) : { ...changed, version: before.version + 1 }
  const [first, ...others] = happenings(before, after, by)
  if (first === undefined) return before
  await deps.commit(
    [first, ...others],
    [update(users, before, after), ...(mayDoOther ? [endTokens(deps.newId, deps.clock(), after)] : [])],
  )
  return after
}

async function applied(records: Records, giver: Giver, user: User, change: UserChange): Promise<User> {
  const { name: old, ...rest } = user
  const name = change.name === undefined ? old : (change.name ?? undefined)
  const { tags = user.tags } = change
  checkGivingTags(giver, tags, user.tags)
  const roles =
    change.roles === undefined
      ? user.roles
      : await assignRoles(records, giver, user.organizationId, change.roles, user.roles)
  return { ...rest, ...(name === undefined ? {} : { name }), roles, tags }
}

function happenings(before: User, after: User, by: Actor): readonly Happening[] {
  const { organizationId, id: target } = after
  const told: Happening[] = []
  const [from, to] = [shown(before), shown(after)]
  if (!isDeepStrictEqual(from, to))
    told.push({ type: 'user.changed', organizationId, target, by, details: { from, to } })
  if (!isDeepStrictEqual(before.roles, after.roles)) {
    const details = { from: before.roles, to: after.roles }
    told.push({ type: 'user.roles_changed', organizationId, target, by, details })
  }
  return told
}

function shown({ name, tags }: User): Readonly<Record<string, unknown>> {
  return { name: name ?? null, tags }
}
