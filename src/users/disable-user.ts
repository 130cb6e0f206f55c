import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId, UserId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { endTokens, getUser, signedOut, type User, users, withAuthorityRaised } from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * The user's sessions and tokens stop at once, until it is enabled. Nothing happens to a disabled user.
 * @throws {DomainError} `user_not_found`, `precondition_failed`, `conflict`
 */
export async function disableUser(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: UserId,
  { ifMatch }: { readonly ifMatch?: number | undefined } = {},
): Promise<User> {
  const before = await getUser(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  if (before.state.kind === 'disabled') return before
  const nowMs = deps.clock()
  const after = withAuthorityRaised(before, {
    state: { kind: 'disabled', disabledAt: nowMs },
    ...signedOut(before, nowMs),
  })
  await deps.commit({ type: 'user.disabled', organizationId, target: id, by }, [
    update(users, before, after),
    endTokens(deps.newId, nowMs, after),
  ])
  return after
}
