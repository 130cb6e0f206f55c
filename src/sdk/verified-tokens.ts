import { hash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { BoundedMap } from './bounded-map.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import type { VerifiedToken } from './verify-token.ts'

/** Tokens verified before, kept by their hash so that no usable token stays in memory. */
export interface VerifiedTokens {
  /** `undefined` also for a token that has ended since: by time, or because what it was verified by is gone. */
  get(token: string, bundle: CompiledBundle): VerifiedToken | undefined
  add(token: string, bundle: CompiledBundle, verified: VerifiedToken): void
}

interface Kept {
  readonly verified: VerifiedToken
  readonly issuer: string
  readonly audience: string
  readonly endsAt: number
}

/** A character a byte: the shortest text of it. */
function hashOf(token: string): string {
  return hash('sha256', token, 'binary')
}

export function verifiedTokens(clock: Clock, sizeMax: number, clockSkewSecondsMax: number): VerifiedTokens {
  const kept = new BoundedMap<string, Kept>(sizeMax)
  return {
    get(token, { service, keys }) {
      const known = kept.get(hashOf(token))
      if (known === undefined || known.endsAt <= clock()) return undefined
      const { key } = known.verified
      if (keys.get(key.kid)?.fingerprint !== key.fingerprint) return undefined
      return known.issuer === service.issuer && known.audience === service.audience
        ? known.verified
        : undefined
    },
    add(token, { service: { issuer, audience } }, verified) {
      const endsAt = verified.caller.expiresAt + clockSkewSecondsMax * 1000
      kept.set(hashOf(token), { verified, issuer, audience, endsAt })
    },
  }
}
