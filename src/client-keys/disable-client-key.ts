import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { ClientKeyId, NewId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import {
  type ClientKey,
  clientKeys,
  endTokens,
  getClientKey,
  refuseRevoked,
  withAuthorityRaised,
} from './client-key.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * It stops at once, and so do its tokens, until it is enabled. Nothing happens to a disabled key.
 * @throws {DomainError} `client_key_not_found`, `client_key_state` if it is revoked, `precondition_failed`, `conflict`
 */
export async function disableClientKey(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: ClientKeyId,
  { ifMatch }: { readonly ifMatch?: number | undefined } = {},
): Promise<ClientKey> {
  const before = await getClientKey(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  refuseRevoked(before)
  if (before.state.kind === 'disabled') return before
  const nowMs = deps.clock()
  const after = withAuthorityRaised(before, { state: { kind: 'disabled', disabledAt: nowMs } })
  await deps.commit({ type: 'client_key.disabled', organizationId, target: id, by }, [
    update(clientKeys, before, after),
    endTokens(deps.newId, nowMs, after),
  ])
  return after
}
