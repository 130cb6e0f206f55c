import type { ServerResponse } from 'node:http'
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

  /**
   * Counts one more of the key until its answer is closed. It may have been closed before, while the caller was
   * authorized: then nothing tells of that any more.
   * @throws {HttpRefusal} `rate_limited`
   */
  openUntilClosed(keyId: string, response: ServerResponse): void {
    const closed = this.open(keyId)
    if (response.closed) closed()
    else response.once('close', closed)
  }
}
