import { DomainError } from '../../src/errors.ts'
import type { Connection } from './connection.ts'

/** A write that waits for its turn, and whom to tell how it went. */
interface Waiting {
  /** Done inside of the transaction; tells whom to call when that is durable. */
  attempt(): () => void
  reject(error: unknown): void
}

/**
 * The writes of one turn of the event loop share one transaction, and so one wait for the disk. Each has a savepoint
 * of its own: one that fails takes nothing with it. Nobody is told anything before the transaction is durable.
 */
export class GroupedWrites {
  readonly #connection: Connection
  #waiting: Waiting[] = []
  #closed = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** @throws {DomainError} `store_unavailable` if the transaction does not begin or commit; else what `work` throws */
  run<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) throw new DomainError('store_unavailable', 'the store is closed')
      if (this.#waiting.length === 0) setImmediate(() => this.#flush())
      this.#waiting.push({ reject, attempt: () => this.#attempt(work, resolve, reject) })
    })
  }

  /** Finishes what waits; later writes are refused. */
  close(): void {
    this.#flush()
    this.#closed = true
  }

  #flush(): void {
    const writes = this.#waiting
    this.#waiting = []
    if (writes.length === 0) return
    try {
      const tellings = this.#connection.transaction(() => writes.map((write) => write.attempt()))
      for (const tell of tellings) tell()
    } catch (error) {
      // Also those whose own work went well or ill: all saw a state that never was.
      for (const { reject } of writes) reject(error)
    }
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
