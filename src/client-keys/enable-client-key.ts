import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { ClientKeyId, NewId, OrganizationId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
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
import { checkGivingKey } from './giveable-role.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * Its secrets work again, which is giving its role; tokens from before stay dead. Nothing happens to an active key.
 * @throws {DomainError} `client_key_not_found`, `client_key_state` if it is revoked, `role_not_grantable`, `precondition_failed`, `conflict`
 */
export async function enableClientKey(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: ClientKeyId,
  { ifMatch }: { readonly ifMatch?: number | undefined } = {},
): Promise<ClientKey> {
  const before = await getClientKey(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  refuseRevoked(before)
  if (before.state.kind === 'active') return before
  await checkGivingKey(deps.records, giver, before)
  const nowMs = deps.clock()
  const after = withAuthorityRaised(before, { state: { kind: 'active' } })
  await deps.commit({ type: 'client_key.enabled', organizationId, target: id, by }, [
    update(clientKeys, before, after),
    endTokens(deps.newId, nowMs, after),
  ])
  return after
}
