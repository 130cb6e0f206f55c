import type { Actor, Commit } from '../audit/record.ts'
import { type Clock, type EpochMs, rfc3339 } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { NewId } from '../ids.ts'
import { accessTokenTtlSecondsMax, revoke } from '../revocations/revocation.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { getService } from './find-service.ts'
import { type Service, type SigningKey, services } from './service.ts'
import { jwksCacheSeconds, newSigningKey, publishedKeys } from './signing-key.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly secrets: Secrets
}

interface Rotation {
  /** The private half may be known to others: all keys are replaced and end at once, with every token they signed. */
  readonly compromised?: boolean | undefined
  readonly ifMatch?: number | undefined
}

/** A node that has not yet seen the promotion may sign with the old key a little longer. */
const slackSeconds = 60

/**
 * Takes the next step of a rotation in which no verification fails: the first call publishes the next key; a call at
 * least the JWKS cache time later lets it sign, and the old one retires when the last token it signed has ended.
 * @throws {DomainError} `already_done` while verifiers may not have seen the next key yet (its data `retry_at`),
 *   `service_not_found`, `precondition_failed`, `conflict`
 */
export async function rotateSigningKey(
  deps: Deps,
  by: Actor,
  idOrSlug: string,
  rotation: Rotation = {},
): Promise<Service> {
  const before = await getService(deps.records, idOrSlug)
  expectVersion(before, rotation.ifMatch)
  const nowMs = deps.clock()
  const kept = publishedKeys(before.signingKeys, nowMs)
  const next = kept.find(({ state }) => state.kind === 'next')
  const add = (kind: 'next' | 'active') => newSigningKey(deps, before.signingAlgorithm, { kind }, nowMs)
  const compromised = rotation.compromised === true
  const signingKeys = compromised
    ? [await add('active')]
    : next === undefined
      ? [...kept, await add('next')]
      : promoted(kept, next, nowMs)
  const { organizationId, id: serviceId } = before
  const ended = compromised
    ? kept.map(({ id }) =>
        revoke(deps.newId, nowMs, { organizationId, serviceId, ended: { kind: 'signing_key', kid: id } }),
      )
    : []
  const details = { compromised, keys: signingKeys.map(({ id, state }) => ({ kid: id, state: state.kind })) }
  await deps.commit({ type: 'service.signing_key_rotated', organizationId, target: serviceId, by, details }, [
    update(services, before, { ...before, signingKeys }),
    ...ended,
  ])
  return { ...before, signingKeys, version: before.version + 1 }
}

function promoted(keys: readonly SigningKey[], next: SigningKey, nowMs: EpochMs): readonly SigningKey[] {
  const readyAt = next.createdAt + jwksCacheSeconds * 1000
  if (nowMs < readyAt)
    throw new DomainError('already_done', 'the next key is published; verifiers may not have seen it yet', {
      fix: `rotate again after ${rfc3339(readyAt)}, and it will sign`,
      data: { kid: next.id, retry_at: rfc3339(readyAt) },
    })
  // The life of tokens may have been longer before: the longest that any can have is certain.
  const endsAt = nowMs + (accessTokenTtlSecondsMax + slackSeconds) * 1000
  return keys.map((key): SigningKey => {
    if (key.id === next.id) return { ...key, state: { kind: 'active' } }
    return key.state.kind === 'active' ? { ...key, state: { kind: 'retiring', endsAt } } : key
  })
}
