import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { ClientKeyId, NewId, OrganizationId, SecretId } from '../ids.ts'
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
import { retired } from './rotation.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * Ends one of two live secrets now, and the key's tokens with it: which secret bought which is not kept.
 * @throws {DomainError} `client_key_not_found`, `client_key_state`, `precondition_failed`, `conflict`
 */
export async function retireSecret(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: ClientKeyId,
  { secretId, ifMatch }: { readonly secretId: SecretId; readonly ifMatch?: number | undefined },
): Promise<ClientKey> {
  const before = await getClientKey(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  refuseRevoked(before)
  const nowMs = deps.clock()
  const secrets = retired(before, secretId, nowMs)
  const after = withAuthorityRaised(before, { authentication: { kind: 'secret', secrets } })
  const details = { secret_id: secretId }
  await deps.commit({ type: 'client_key.secret_retired', organizationId, target: id, by, details }, [
    update(clientKeys, before, after),
    endTokens(deps.newId, nowMs, after),
  ])
  return after
}
