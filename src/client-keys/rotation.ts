import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { SecretId } from '../ids.ts'
import { type ClientKey, type ClientSecret, liveSecrets } from './client-key.ts'

export const graceSecondsDefault = 86_400
export const graceSecondsMax = 604_800

/**
 * A new secret beside the newest of the old ones, which ends after the grace, and with the key at the latest. One that
 * was already being rotated out ends now, so that never more than two are live.
 * @param graceSeconds 0: the old secrets end now
 */
export function rotated(
  key: ClientKey,
  added: ClientSecret,
  nowMs: EpochMs,
  graceSeconds: number,
): readonly ClientSecret[] {
  const last = liveSecrets(key, nowMs).at(-1)
  if (last === undefined || graceSeconds === 0) return [added]
  const graceEndsAt = nowMs + graceSeconds * 1000
  // A secret that ends already is never given longer.
  return [
    { ...last, endsAt: Math.min(graceEndsAt, last.endsAt ?? Infinity, key.expiresAt ?? Infinity) },
    added,
  ]
}

/**
 * The secrets without that one.
 * @throws {DomainError} `client_key_state` if it is not live, or the last that is
 */
export function retired(key: ClientKey, secretId: SecretId, nowMs: EpochMs): readonly ClientSecret[] {
  const live = liveSecrets(key, nowMs)
  const left = live.filter(({ id }) => id !== secretId)
  if (left.length === live.length)
    throw new DomainError('client_key_state', `${key.id} has no live secret ${secretId}`, {
      fix: 'read the key: it lists its live secrets',
    })
  if (left.length === 0)
    throw new DomainError('client_key_state', `${secretId} is the only live secret of ${key.id}`, {
      fix: 'rotate with grace_seconds 0, which replaces it at once; or disable or revoke the key',
    })
  return left
}
