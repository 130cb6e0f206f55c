import { hash } from 'node:crypto'
import type { Clock, EpochMs } from '../clock.ts'

/** Remembers proofs until they would be refused for their age, so that none is taken twice. Of this process alone. */
export class SeenProofs {
  readonly #sizeMax: number
  readonly #clock: Clock
  /** Hash → end, in the order of arrival. */
  readonly #ends = new Map<string, EpochMs>()

  /** @param sizeMax beyond it the oldest is forgotten before its time */
  constructor(sizeMax: number, clock: Clock) {
    this.#sizeMax = sizeMax
    this.#clock = clock
  }

  /**
   * `false`: it was taken before.
   * @param thumbprint of the proof's key: whoever picks a `jti` cannot spend that of another's key
   * @param endsAt when a proof like it is refused anyway
   */
  take(thumbprint: string, jti: string, endsAt: EpochMs): boolean {
    const now = this.#clock()
    const name = hash('sha256', `${thumbprint} ${jti}`, 'base64url')
    if ((this.#ends.get(name) ?? now) > now) return false
    this.#ends.delete(name)
    for (const [oldest, end] of this.#ends) {
      if (end > now && this.#ends.size < this.#sizeMax) break
      this.#ends.delete(oldest)
    }
    this.#ends.set(name, endsAt)
    return true
  }
}
