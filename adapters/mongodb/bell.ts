import { type ChangeStream, MongoServerError } from 'mongodb'
import type { ChangesRow, Tables } from './tables.ts'

const againAfterMs = 1_000
/** What a server answers that has no change streams: none will come, and rows are read at intervals alone. */
const refused = new Set([20, 59, 115, 40_573])

/** Rings soon after a commit of this process or another. A change stream only rings: rows are read from `changes`. */
export class Bell {
  readonly #changes: Tables['changes']
  readonly #listeners = new Set<() => void>()
  #stream: ChangeStream<ChangesRow> | undefined
  #timer: NodeJS.Timeout | undefined
  #silent = false

  constructor(changes: Tables['changes']) {
    this.#changes = changes
  }

  onRing(ring: () => void): () => void {
    // A listener of its own for each call: the same function may be given twice.
    const listener = () => ring()
    this.#listeners.add(listener)
    this.#listen()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) void this.#hangUp()
    }
  }

  ring(): void {
    for (const listener of this.#listeners) listener()
  }

  async close(): Promise<void> {
    this.#silent = true
    this.#listeners.clear()
    await this.#hangUp()
  }

  #listen(): void {
    if (this.#silent || this.#stream !== undefined || this.#listeners.size === 0) return
    const stream = this.#changes.watch<ChangesRow>([{ $project: { _id: 1 } }])
    this.#stream = stream
    stream.on('change', () => this.ring())
    stream.on('error', (error) => {
      this.#silent ||= error instanceof MongoServerError && refused.has(Number(error.code))
      void this.#hangUp()
      if (!this.#silent) this.#timer = setTimeout(() => this.#listen(), againAfterMs).unref()
    })
  }

  async #hangUp(): Promise<void> {
    clearTimeout(this.#timer)
    const stream = this.#stream
    this.#stream = undefined
    // Its connection may be gone already: there is nothing left to tell it.
    await stream?.close().catch(() => undefined)
  }
}
