import { HttpRefusal } from '../../http/refusal.ts'

/** Counts what is open with each key. */
export class OpenStreams {
  readonly #max: number
  readonly #counts = new Map<string, number>()

  /** @param max with one key, at once */
  constructor(max: number) {
    this.#max = max
  }

  /** Counts one more of the key. @returns how to count it off @throws {HttpRefusal} `rate_limited` */
  open(keyId: string): () => void {
    const count = this.#counts.get(keyId) ?? 0
    if (count >= this.#max)
      throw new HttpRefusal('rate_limited', `There are ${this.#max} streams open with this key.`, {
        fix: 'Close one, or wait for one to end.',
        headers: { 'Retry-After': '5' },
      })
    this.#counts.set(keyId, count + 1)
    return () => {
      const left = (this.#counts.get(keyId) ?? 1) - 1
      if (left === 0) this.#counts.delete(keyId)
      else this.#counts.set(keyId, left)
    }
  }
}
