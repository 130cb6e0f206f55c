import type { MonotonicClock } from '../clock.ts'
import { type CopyFile, type GuardCopy, openCopy, sealCopy } from './guard-copy.ts'
import { WireError } from './parse-wire.ts'

/** Where a guard keeps its copy, and the key that authenticates it; asked anew, so that the key can be rotated. */
export interface CopyPlace {
  readonly file: CopyFile
  readonly key: () => string
}

const pauseMsMin = 30_000

/** Reads a guard's copy, and writes it now and then, never an older one over a newer. */
export class CopyKeeper {
  readonly #place: CopyPlace
  readonly #monotonic: MonotonicClock
  #writtenAt = Number.NEGATIVE_INFINITY

  constructor(place: CopyPlace, monotonic: MonotonicClock) {
    this.#place = place
    this.#monotonic = monotonic
  }

  /** What is kept says too little now: the next write waits for nothing. */
  outdate(): void {
    this.#writtenAt = Number.NEGATIVE_INFINITY
  }

  isDue(): boolean {
    return this.#monotonic() - this.#writtenAt >= pauseMsMin
  }

  /**
   * `undefined`: there is none.
   * @throws {WireError} if it is of another service, was changed, or was written with another key
   */
  async read(service: string): Promise<GuardCopy | undefined> {
    const text = await this.#place.file.read()
    if (text === undefined) return undefined
    const opened = openCopy(text, this.#place.key())
    if (opened.bundle.service.slug !== service) throw new WireError("the guard's copy is of another service")
    return opened
  }

  /** Errors are those of the file. */
  async write(copy: GuardCopy): Promise<void> {
    this.#writtenAt = this.#monotonic()
    if (await this.#isAhead(copy.bundle.position)) return
    await this.#place.file.write(sealCopy(copy, this.#place.key()))
  }

  /** Another guard of this machine may share the file and be ahead. */
  async #isAhead(position: number): Promise<boolean> {
    const text = await this.#place.file.read()
    if (text === undefined) return false
    try {
      return openCopy(text, this.#place.key()).bundle.position > position
    } catch (error) {
      // What cannot be believed is replaced.
      if (error instanceof WireError) return false
      throw error
    }
  }
}
