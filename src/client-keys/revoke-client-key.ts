import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import type { ClientKeyId, NewId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import {
  type ClientKey,
  clientKeys,
  endTokens,
  getClientKey,
  type RevocationReason,
  refuseCommand,
  withAuthorityRaised,
} from './client-key.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * For good: the key and its tokens stop at once. A key that is revoked already keeps its first reason and time.
 * @throws {DomainError} `client_key_not_found`, `client_key_state` for the command's, `precondition_failed`, `conflict`
 */
export async function revokeClientKey(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: ClientKeyId,
  { reason, ifMatch }: { readonly reason: RevocationReason; readonly ifMatch?: number | undefined },
): Promise<ClientKey> {
  const before = await getClientKey(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  if (before.state.kind === 'revoked') return before
  refuseCommand(before)
  const nowMs = deps.clock()
  const after = revoked(before, nowMs, reason)
  await deps.commit({ type: 'client_key.revoked', organizationId, target: id, by, details: { reason } }, [
    update(clientKeys, before, after),
    endTokens(deps.newId, nowMs, after),
  ])
  return after
}

export function revoked(key: ClientKey, nowMs: EpochMs, reason: RevocationReason): ClientKey {
  return withAuthorityRaised(key, { state: { kind: 'revoked', revokedAt: nowMs, reason } })
}
