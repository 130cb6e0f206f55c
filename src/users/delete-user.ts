import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId, UserId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, remove } from '../storage/ports.ts'
import { endLinks } from './one-time-link.ts'
import { endTokens, getUser, type User, users } from './user.ts'

/** A question to later rows: what they keep of a user who is gone already. Safe to repeat. */
export type GoesWithUser = (by: Actor, user: User) => Promise<void>

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly goesWithUser: readonly GoesWithUser[]
}

/**
 * For good, with sessions and tokens at once. Whoever is invited again under the address is somebody else.
 * @throws {DomainError} `user_not_found`, `precondition_failed`, `conflict`
 */
export async function deleteUser(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: UserId,
  { ifMatch }: { readonly ifMatch?: number | undefined } = {},
): Promise<void> {
  const user = await getUser(deps.records, organizationId, id)
  expectVersion(user, ifMatch)
  const { email, roles } = user
  await deps.commit({ type: 'user.deleted', organizationId, target: id, by, details: { email, roles } }, [
    remove(users, user),
    ...(await endLinks(deps.records, user)),
    endTokens(deps.newId, deps.clock(), user, Number.MAX_SAFE_INTEGER),
  ])
  for (const end of deps.goesWithUser) await end(by, user)
}
