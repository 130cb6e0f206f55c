import { closeSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../src/clock.ts'
import type { Store } from '../../src/storage/ports.ts'
import { sqliteArtifacts } from './artifacts.ts'
import { Bell } from './bell.ts'
import { sqliteChanges } from './changes.ts'
import { sqliteCommit } from './commit.ts'
import { Connection, isBusy, unavailable } from './connection.ts'
import { sqliteCounters } from './counters.ts'
import { GroupedWrites } from './grouped-writes.ts'
import { type LogFile, noLogFile, openLogFile } from './log-file.ts'
import { sqliteRecords } from './records.ts'
import { migrate } from './schema.ts'
import { sweep } from './sweep.ts'
import { sqliteTrails } from './trails.ts'

interface SqliteOptions {
  /** The file, made with its folder if absent; or `:memory:`, which ends with the process. */
  readonly path: string
  readonly clock: Clock
  /** How long a write waits for another process's, before it is `store_unavailable`. */
  readonly busyTimeoutMs?: number
}

/**
 * How much of the file a process holds in memory at most. A commit of a thousand resources changes some thousand pages of
 * indexes: with SQLite's own 2 MiB they are written to the log and read again before it ends.
 */
const pagesKiB = 65_536

/**
 * Opens the store, and brings an older one to this program's schema. Several processes on one machine may have the
 * same file open; a network disk is not for it.
 * @throws {DomainError} `store_unavailable` if it cannot be opened, or a newer program has changed its schema
 */
export async function openSqlite({ path, clock, busyTimeoutMs = 5_000 }: SqliteOptions): Promise<Store> {
  const file = path === ':memory:' ? undefined : fileAt(path)
  const connection = new Connection(file ?? path, busyTimeoutMs)
  let log: LogFile
  try {
    await useWriteAheadLog(connection, busyTimeoutMs)
    connection.script('PRAGMA synchronous = FULL')
    connection.script(`PRAGMA cache_size = -${pagesKiB}`)
    migrate(connection)
    // From here on the log is brought to the disk by `GroupedWrites`, before anybody is told of a write.
    connection.script('PRAGMA synchronous = NORMAL')
    log = file === undefined ? noLogFile : await openLogFile(file)
  } catch (error) {
    connection.close()
    throw error
  }
  const writes = new GroupedWrites(connection, log)
  const bell = new Bell(connection)
  const commit = sqliteCommit(connection, writes, clock)
  return {
    records: sqliteRecords(connection),
    commit: async (changes) => {
      await commit(changes)
      bell.ringSoon()
    },
    artifacts: sqliteArtifacts(connection, writes, clock),
    counters: sqliteCounters(connection, writes),
    trails: sqliteTrails(connection, writes),
    changes: sqliteChanges(connection, bell),
    ping: async () => {
      writes.checkDisk()
      connection.get('SELECT value FROM meta LIMIT 1')
    },
    sweep: () => sweep(connection, writes, clock),
    close: async () => {
      bell.close()
      await writes.close()
      connection.close()
      await log.close()
    },
  }
}

/** Secrets in it are sealed; still nobody else on the machine has a reason to read it. */
function fileAt(path: string): string {
  // Absolute, so that nothing in it is read as one of SQLite's `file:` addresses. Links are followed, as SQLite does.
  const file = resolve(path)
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    closeSync(openSync(file, 'a', 0o600))
    return realpathSync(file)
  } catch (cause) {
    throw unavailable(`the store's file ${file} cannot be opened for writing`, cause)
  }
}

const pauseMs = 20

/** The one step for which SQLite does not wait when another process opens the file, too: so it is repeated. */
async function useWriteAheadLog(connection: Connection, busyTimeoutMs: number): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    try {
      return connection.script('PRAGMA journal_mode = WAL')
    } catch (error) {
      if (!isBusy(error) || waitedMs >= busyTimeoutMs) throw error
      await pause(pauseMs)
    }
  }
}
