import { open } from 'node:fs/promises'
import { unavailable } from './connection.ts'

/** Sees to it that what was committed outlives a power cut. */
export interface LogFile {
  /** Resolves when all that was committed before the call is on the disk. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * SQLite's write-ahead log (`<path>-wal`), brought to the disk beside the event loop: SQLite itself would have every
 * request of the process wait for it. The log is all that a commit in WAL mode writes
 * (https://www.sqlite.org/wal.html, "Performance Considerations").
 * @param path of the database that is open, without symbolic links: the log is beside the file itself
 */
export async function openLogFile(path: string): Promise<LogFile> {
  // Now, not at the first write: of an earlier fault of the disk only those hear who have the file open.
  const file = await open(`${path}-wal`, 'r+').catch((cause: unknown) => {
    throw unavailable(`the log of the store's file ${path} cannot be opened`, cause)
  })
  return {
    sync: () =>
      file.datasync().catch((cause: unknown) => {
        throw unavailable('the disk did not take what was written', cause)
      }),
    close: () => file.close(),
  }
}

/** Of a store in memory, which nothing outlives. */
export const noLogFile: LogFile = { sync: async () => {}, close: async () => {} }
