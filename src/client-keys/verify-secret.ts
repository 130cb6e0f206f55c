import { hash, timingSafeEqual } from 'node:crypto'
import type { EpochMs } from '../clock.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { derived } from '../storage/derived.ts'
import { type ClientKey, type ClientSecret, isLive } from './client-key.ts'

/** What is kept of a client secret: 256 bits of chance need no slow hash. */
export function hashOf(secretText: string): Buffer {
  return hash('sha256', secretText, 'buffer')
}

/** Whose secret a text is: `live` opens, `ended` was rotated out or retired, `wrong` never was one of the key's. */
export type SecretAnswer = 'live' | 'ended' | 'wrong'

/** Compares a text with the key's secrets. Says nothing of the key's own state: `refusal` does. */
export type VerifySecret = (key: ClientKey, text: string, nowMs: EpochMs) => SecretAnswer

interface OpenedSecret {
  readonly secret: ClientSecret
  /** In base64url: the hash of what is presented comes four times faster as text than as bytes. */
  readonly hashText: Buffer
}

/** Opens a key's hashes once for as long as the cache keeps the key. */
export function secretVerifier(secrets: Secrets): VerifySecret {
  const openedSecrets = derived(({ id, authentication }: ClientKey): readonly OpenedSecret[] => {
    const kept = authentication.kind === 'secret' ? authentication.secrets : []
    return kept.map((secret) => {
      const opened = secrets.open('client-secrets', id, secret.sealedHash)
      return { secret, hashText: Buffer.from(opened.toString('base64url')) }
    })
  })
  return (key, text, nowMs) => {
    const given = Buffer.from(hash('sha256', text, 'base64url'))
    let answer: SecretAnswer = 'wrong'
    // Every one is compared, so that the time tells nothing about which it was.
    for (const { secret, hashText } of openedSecrets(key)) {
      if (isEqual(hashText, given) && answer !== 'live') answer = isLive(secret, nowMs) ? 'live' : 'ended'
    }
    return answer
  }
}

function isEqual(kept: Buffer, given: Buffer): boolean {
  return kept.length === given.length && timingSafeEqual(kept, given)
}
