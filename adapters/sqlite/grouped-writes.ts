import { DomainError } from '../../src/errors.ts'
import { type Connection, unavailable } from './connection.ts'
import type { LogFile } from './log-file.ts'

/** A write that waits for its turn, and whom to tell how it went. */
interface Waiting {
  readonly seen: Seen
  /** Done inside of the transaction; tells whom to call when that is durable. */
  attempt(): () => void
  reject(error: unknown): void
}

/** When others may read a write: some must not act on what a power cut could still take back. */
type Seen = 'when_committed' | 'when_durable'

/** A write that is committed, and not yet durable. */
interface Committed {
  tell(): void
  reject(error: unknown): void
}

/**
 * The writes of one turn of the event loop share one transaction, and the transactions that are committed while the disk
 * is at work share its next turn. Each write has a savepoint of its own: one that fails takes nothing with it. Nobody is
 * told anything before it is durable; others may read it before, unless it is to be seen `when_durable`.
 */
export class GroupedWrites {
  readonly #connection: Connection
  readonly #log: LogFile
  #waiting: Waiting[] = []
  #committed: Committed[] = []
  #reachingDisk: Promise<void> | undefined
  #closed = false
  #lost: DomainError | undefined

  constructor(connection: Connection, log: LogFile) {
    this.#connection = connection
    this.#log = log
  }

  /** @throws {DomainError} `store_unavailable` if the transaction does not begin or commit; else what `work` throws */
  run<T>(work: () => T, seen: Seen = 'when_committed'): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.checkDisk()
      if (this.#closed) throw new DomainError('store_unavailable', 'the store is closed')
      if (this.#waiting.length === 0) setImmediate(() => this.#flush())
      this.#waiting.push({ seen, reject, attempt: () => this.#attempt(work, resolve, reject) })
    })
  }

  /** @throws {DomainError} `store_unavailable` once the disk has failed to keep what was committed */
  checkDisk(): void {
    if (this.#lost !== undefined) throw this.#lost
  }

  /** Finishes what waits; later writes are refused. */
  async close(): Promise<void> {
    this.#flush()
    this.#closed = true
    await this.#reachingDisk
  }

  #flush(): void {
    const writes = this.#waiting
    this.#waiting = []
    if (writes.length === 0) return
    try {
      this.checkDisk()
      const tellings = this.#commit(writes)
      for (const [i, { reject }] of writes.entries())
        this.#committed.push({ reject, tell: tellings[i] ?? (() => {}) })
      this.#reachingDisk ??= this.#reachDisk()
    } catch (error) {
      // Also those whose own work went well or ill: all saw a state that never was.
      for (const { reject } of writes) reject(error)
    }
  }

  #commit(writes: readonly Waiting[]): readonly (() => void)[] {
    const all = () => writes.map((write) => write.attempt())
    if (!writes.some(({ seen }) => seen === 'when_durable')) return this.#connection.transaction(all)
    // SQLite waits for the disk before it lets others see the commit.
    this.#connection.script('PRAGMA synchronous = FULL')
    try {
      return this.#connection.transaction(all)
    } finally {
      this.#connection.script('PRAGMA synchronous = NORMAL')
    }
  }

  async #reachDisk(): Promise<void> {
    while (this.#committed.length > 0) {
      const group = this.#committed
      this.#committed = []
      try {
        this.checkDisk()
        await this.#log.sync()
        for (const { tell } of group) tell()
      } catch (cause) {
        // For good: a disk that has failed once may say that it has what it has not, ever after.
        this.#lost ??= lost(cause)
        for (const { reject } of group) reject(this.#lost)
      }
    }
    this.#reachingDisk = undefined
  }

  #attempt<T>(work: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): () => void {
    this.#connection.run('SAVEPOINT one')
    try {
      const value = work()
      this.#connection.run('RELEASE one')
      return () => resolve(value)
    } catch (error) {
      if (!this.#connection.isInTransaction()) throw error
      this.#connection.run('ROLLBACK TO one')
      this.#connection.run('RELEASE one')
      return () => reject(error)
    }
  }
}

function lost(cause: unknown): DomainError {
  return unavailable('the disk failed: nothing is written until Latchkey is started again', cause)
}
