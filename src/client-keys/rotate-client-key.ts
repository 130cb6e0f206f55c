import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { ClientKeyId, OrganizationId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import {
  type ClientKey,
  clientKeys,
  endTokens,
  getClientKey,
  isExpired,
  refuseRevoked,
  withAuthorityRaised,
} from './client-key.ts'
import type { Issued } from './create-client-key.ts'
import { checkGivingKey } from './giveable-role.ts'
import { issueSecret, type SecretDeps } from './issue-secret.ts'
import { rotated } from './rotation.ts'

interface Deps extends SecretDeps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
}

/**
 * A new secret, shown once; the old one lives on for the grace. With a grace of 0, for a compromise, the old secrets end
 * now, and so do the tokens that they bought. Whoever gets the secret gets the key's role, so this is giving, too; but
 * for a key that rotates itself.
 * @throws {DomainError} `client_key_not_found`, `client_key_state`, `role_not_grantable`, `precondition_failed`, `conflict`
 */
export async function rotateClientKey(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: ClientKeyId,
  { graceSeconds, ifMatch }: { readonly graceSeconds: number; readonly ifMatch?: number | undefined },
): Promise<Issued> {
  const before = await getClientKey(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  const nowMs = deps.clock()
  refuseRotation(before, nowMs)
  if (by.id !== id) await checkGivingKey(deps.records, giver, before)
  const { secret, kept } = issueSecret(deps, id, before.environment, nowMs)
  const authentication = { kind: 'secret', secrets: rotated(before, kept, nowMs, graceSeconds) } as const
  const atOnce = graceSeconds === 0
  const after: ClientKey = atOnce
    ? withAuthorityRaised(before, { authentication })
    : { ...before, authentication, version: before.version + 1 }
  const details = { secret_id: kept.id, grace_seconds: graceSeconds }
  await deps.commit({ type: 'client_key.secret_rotated', organizationId, target: id, by, details }, [
    update(clientKeys, before, after),
    ...(atOnce ? [endTokens(deps.newId, nowMs, after)] : []),
  ])
  return { key: after, secret }
}

function refuseRotation(key: ClientKey, nowMs: EpochMs): void {
  refuseRevoked(key)
  if (key.authentication.kind === 'none')
    throw new DomainError('client_key_state', `${key.id} is a public client and has no secret`, {
      fix: 'make a new key if it is to prove itself',
    })
  if (key.authentication.kind !== 'secret')
    throw new DomainError(
      'client_key_state',
      `${key.id} proves itself with private_key_jwt and has no secret`,
      {
        fix: 'make a new key with the new JWK set, and revoke this one when it is no longer used',
      },
    )
  if (isExpired(key, nowMs))
    throw new DomainError('client_key_state', `${key.id} has expired`, {
      fix: 'change its expires_at first, or make a new key',
    })
}
