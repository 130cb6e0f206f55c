import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { DomainError, hasCode } from '../../src/errors.ts'

export type Row = Readonly<Record<string, SQLOutputValue>>

/** The process's one connection: statements are prepared once, and the driver's errors become `store_unavailable`. */
export class Connection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(path: string, busyTimeoutMs: number) {
    this.#database = translated(() => new DatabaseSync(path, { timeout: busyTimeoutMs }))
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return translated(() => this.#prepared(sql).get(...values))
  }

  all(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return translated(() => this.#prepared(sql).all(...values))
  }

  /** As `all`, for a statement whose last value is its `LIMIT`: one row is had at a third of the cost of a list. */
  limited(sql: string, values: readonly SQLInputValue[], limit: number): readonly Row[] {
    if (limit !== 1) return this.all(sql, ...values, limit)
    const row = this.get(sql, ...values, limit)
    return row === undefined ? [] : [row]
  }

  /** Returns how many rows it inserted, updated or deleted. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(translated(() => this.#prepared(sql).run(...values)).changes)
  }

  /** Several statements, not kept. */
  script(sql: string): void {
    translated(() => this.#database.exec(sql))
  }

  /** Takes the write lock first: a transaction that reads and then writes would lose what others wrote between. */
  transaction<T>(work: () => T): T {
    this.run('BEGIN IMMEDIATE')
    try {
      const value = work()
      this.run('COMMIT')
      return value
    } catch (error) {
      if (this.#database.isTransaction) this.run('ROLLBACK')
      throw error
    }
  }

  /** Whether the transaction is still open: a full disk, for one, ends it and all its savepoints by itself. */
  isInTransaction(): boolean {
    return this.#database.isTransaction
  }

  close(): void {
    this.#statements.clear()
    if (this.#database.isOpen) translated(() => this.#database.close())
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** https://www.sqlite.org/rescode.html: of these the program is at fault, not the disk, a lock or the file. */
const faultsOfTheProgram = new Set([
  19, // SQLITE_CONSTRAINT
  20, // SQLITE_MISMATCH
  25, // SQLITE_RANGE
])

function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!isTheStores(cause)) throw cause
    throw unavailable('the store does not answer', cause)
  }
}

/** Whether the store did not answer because another process has it locked (SQLITE_BUSY). */
export function isBusy(error: unknown): boolean {
  return hasCode(error, 'store_unavailable') && resultCodeOf(error.cause) === 5
}

function isTheStores(error: unknown): boolean {
  // What the driver throws once the database is closed.
  if (error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE') return true
  const resultCode = resultCodeOf(error)
  return resultCode !== undefined && !faultsOfTheProgram.has(resultCode)
}

/** The low byte of an extended result code is the primary one. */
function resultCodeOf(error: unknown): number | undefined {
  const isCoded = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
  return isCoded ? Number(error.errcode) & 0xff : undefined
}

export function unavailable(message: string, cause: unknown): DomainError {
  return new DomainError('store_unavailable', message, { cause })
}
