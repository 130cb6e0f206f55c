import { hash, timingSafeEqual } from 'node:crypto'
import type { EpochMs } from '../clock.ts'
import type { SecretId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { derived } from '../storage/derived.ts'
import { type ClientKey, liveSecrets } from './client-key.ts'

/** What is kept of a client secret: 256 bits of chance need no slow hash. */
export function hashOf(secretText: string): Buffer {
  return hash('sha256', secretText, 'buffer')
}

/** Whose secret a text is: `live` opens, `ended` was rotated out or retired, `wrong` never was one of the key's. */
export type SecretAnswer = 'live' | 'ended' | 'wrong'

/** Compares a text with the key's secrets. Says nothing of the key's own state: `refusal` does. */
export type VerifySecret = (key: ClientKey, text: string, nowMs: EpochMs) => SecretAnswer

/** Opens a key's hashes once for as long as the cache keeps the key. */
export function secretVerifier(secrets: Secrets): VerifySecret {
  const openedHashes = derived((key: ClientKey): ReadonlyMap<SecretId, Buffer> => {
    const kept = key.authentication.kind === 'secret' ? key.authentication.secrets : []
    return new Map(kept.map(({ id, sealedHash }) => [id, secrets.open('client-secrets', key.id, sealedHash)]))
  })
  return (key, text, nowMs) => {
    const given = hashOf(text)
    // Every one is compared, so that the time tells nothing about which it was.
    const matching = [...openedHashes(key)].filter(([, kept]) => isEqual(kept, given)).map(([id]) => id)
    if (matching.length === 0) return 'wrong'
    return liveSecrets(key, nowMs).some(({ id }) => matching.includes(id)) ? 'live' : 'ended'
  }
}

function isEqual(kept: Buffer, given: Buffer): boolean {
  return kept.length === given.length && timingSafeEqual(kept, given)
}
