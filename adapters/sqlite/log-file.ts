import { type FileHandle, open } from 'node:fs/promises'
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
 */
export function logFileOf(path: string): LogFile {
  let opening: Promise<FileHandle> | undefined
  return {
    sync: async () => {
      try {
        // Made by the first write, and there for as long as this process has the store open.
        opening ??= open(`${path}-wal`, 'r+')
        await (await opening).datasync()
      } catch (cause) {
        throw unavailable('the disk did not take what was written', cause)
      }
    },
    close: async () => {
      const closing = opening
      opening = undefined
      await (await closing)?.close()
    },
  }
}

/** Of a store in memory, which nothing outlives. */
export const noLogFile: LogFile = { sync: async () => {}, close: async () => {} }
