import { integerOf } from './columns.ts'
import type { Connection } from './connection.ts'

const everyMs = 50

/** Rings soon after this process or another has written to the file. */
export class Bell {
  readonly #connection: Connection
  readonly #listeners = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  #dataVersion: number | undefined
  #isAboutToRing = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  onRing(ring: () => void): () => void {
    // A listener of its own for each call: the same function may be given twice.
    const listener = () => ring()
    this.#listeners.add(listener)
    this.#timer ??= setInterval(() => this.#look(), everyMs).unref()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#stop()
    }
  }

  /** Once for all the commits of one group, which return one after the other. */
  ringSoon(): void {
    if (this.#isAboutToRing) return
    this.#isAboutToRing = true
    setImmediate(() => {
      this.#isAboutToRing = false
      this.#ring()
    })
  }

  close(): void {
    this.#listeners.clear()
    this.#stop()
  }

  #look(): void {
    const dataVersion = this.#readDataVersion()
    if (dataVersion !== undefined && dataVersion === this.#dataVersion) return
    this.#dataVersion = dataVersion
    this.#ring()
  }

  /** `undefined` if the file cannot be read: the bell rings all the same, and who reads then learns why. */
  #readDataVersion(): number | undefined {
    try {
      const row = this.#connection.get('PRAGMA data_version')
      return row === undefined ? undefined : integerOf(row, 'data_version')
    } catch {
      return undefined
    }
  }

  #ring(): void {
    for (const listener of this.#listeners) listener()
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
