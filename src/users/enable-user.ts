import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId, UserId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { checkGivingUser } from './giving-to-users.ts'
import { endTokens, getUser, type User, type UserState, users, withAuthorityRaised } from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * The user may sign in again, which is giving what it holds; sessions and tokens from before stay dead. Nothing happens
 * to one that is not disabled.
 * @throws {DomainError} `user_not_found`, `role_not_grantable`, `tag_not_grantable`, `precondition_failed`, `conflict`
 */
export async function enableUser(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: UserId,
  { ifMatch }: { readonly ifMatch?: number | undefined } = {},
): Promise<User> {
  const before = await getUser(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  if (before.state.kind !== 'disabled') return before
  await checkGivingUser(deps.records, giver, before)
  const nowMs = deps.clock()
  const after = withAuthorityRaised(before, { state: stateOnceEnabled(before) })
  await deps.commit({ type: 'user.enabled', organizationId, target: id, by }, [
    update(users, before, after),
    endTokens(deps.newId, nowMs, after),
  ])
  return after
}

/** Whoever was disabled before they ever came in has still to accept the invitation. */
function stateOnceEnabled({ password, identities }: User): UserState {
  return { kind: password === undefined && identities.length === 0 ? 'invited' : 'active' }
}
