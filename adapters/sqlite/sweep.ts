import type { Clock } from '../../src/clock.ts'
import type { Connection } from './connection.ts'
import { deleteInParts } from './delete-in-parts.ts'
import type { GroupedWrites } from './grouped-writes.ts'

/** How long a row of the feed of changes is kept. */
const changesLiveMs = 3_600_000

/** Deletes what has expired: artifacts, and rows of the feed older than an hour. */
export async function sweep(connection: Connection, writes: GroupedWrites, clock: Clock): Promise<void> {
  const now = clock()
  const deleteAll = (sql: string, at: number) =>
    deleteInParts((partMax) => writes.run(() => connection.run(sql, at, partMax)))
  await deleteAll(
    'DELETE FROM artifacts WHERE rowid IN (SELECT rowid FROM artifacts WHERE expires_at <= ? LIMIT ?)',
    now,
  )
  // From the oldest up to the first that is young: whatever the clocks of several machines say, no hole arises.
  await deleteAll(
    `DELETE FROM changes WHERE position IN (
       SELECT position FROM changes
       WHERE position < coalesce((SELECT min(position) FROM changes WHERE at > ?), 9223372036854775807)
       ORDER BY position LIMIT ?)`,
    now - changesLiveMs,
  )
}
