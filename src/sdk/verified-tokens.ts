import { hash } from 'node:crypto'
import type { Clock, EpochMs } from '../clock.ts'
import { BoundedMap } from './bounded-map.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import type { VerifiedToken } from './verify-token.ts'

interface Kept {
  readonly verified: VerifiedToken
  readonly issuer: string
  readonly audience: string
  readonly endsAt: number
}

/** A token as it was sent a moment ago. */
interface Recent {
  readonly token: string
  readonly kept: Kept
}

/** So short that it is a text of its own, and no view of the token; of a signature's end, so that no two are alike. */
const endLength = 12

/**
 * Tokens verified before, kept by their hash so that no usable token stays in memory. The hash takes longer than the
 * decision; so a token that has just been sent is found by the last characters of its signature, and is the same one if
 * all of its text is. That text is held weakly: it is gone with the next collection of garbage, as that of the request
 * is that brought it, and costs one more hash then.
 */
export class VerifiedTokens {
  readonly #clock: Clock
  readonly #clockSkewMsMax: number
  readonly #kept: BoundedMap<string, Kept>
  readonly #recent: BoundedMap<string, WeakRef<Recent>>

  constructor(clock: Clock, sizeMax: number, clockSkewSecondsMax: number) {
    this.#clock = clock
    this.#clockSkewMsMax = clockSkewSecondsMax * 1000
    this.#kept = new BoundedMap(sizeMax)
    this.#recent = new BoundedMap(sizeMax)
  }

  /** `undefined` also for a token that has ended since: by time, or because what it was verified by is gone. */
  get(
    token: string,
    { service, keys }: CompiledBundle,
    now: EpochMs = this.#clock(),
  ): VerifiedToken | undefined {
    const known = this.#find(token)
    if (known === undefined || known.endsAt <= now) return undefined
    const { key } = known.verified
    if (keys.get(key.kid)?.fingerprint !== key.fingerprint) return undefined
    return known.issuer === service.issuer && known.audience === service.audience ? known.verified : undefined
  }

  add(token: string, { service: { issuer, audience } }: CompiledBundle, verified: VerifiedToken): void {
    const endsAt = verified.caller.expiresAt + this.#clockSkewMsMax
    const kept = { verified, issuer, audience, endsAt }
    this.#kept.set(hashOf(token), kept)
    this.#remember(token, kept)
  }

  #find(token: string): Kept | undefined {
    const recent = this.#recent.get(token.slice(-endLength))?.deref()
    // Not in constant time: to be compared at all, a guess must have the last 72 bits of a signature right.
    if (recent?.token === token) return recent.kept
    const kept = this.#kept.get(hashOf(token))
    if (kept !== undefined) this.#remember(token, kept)
    return kept
  }

  #remember(token: string, kept: Kept): void {
    this.#recent.set(token.slice(-endLength), new WeakRef({ token, kept }))
  }
}

/** A character a byte: the shortest text of it. */
function hashOf(token: string): string {
  return hash('sha256', token, 'binary')
}
