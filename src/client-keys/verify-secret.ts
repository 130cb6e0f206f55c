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

/** Whether the text is one of the key's live secrets. Says nothing of the key's own state: `refusal` does. */
export type VerifySecret = (key: ClientKey, text: string, nowMs: EpochMs) => boolean

/** Opens a key's hashes once for as long as the cache keeps the key. */
export function secretVerifier(secrets: Secrets): VerifySecret {
  const openedHashes = derived((key: ClientKey): ReadonlyMap<SecretId, Buffer> => {
    const kept = key.authentication.kind === 'secret' ? key.authentication.secrets : []
    return new Map(kept.map(({ id, sealedHash }) => [id, secrets.open('client-secrets', key.id, sealedHash)]))
  })
  return (key, text, nowMs) => {
    const given = hashOf(text)
    const opened = openedHashes(key)
    // Every live secret is compared, so that the time tells nothing about which it was.
    return liveSecrets(key, nowMs)
      .map(({ id }) => equal(opened.get(id), given))
      .includes(true)
  }
}

function equal(kept: Buffer | undefined, given: Buffer): boolean {
  return kept !== undefined && kept.length === given.length && timingSafeEqual(kept, given)
}
