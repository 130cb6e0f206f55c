import type { Clock } from '../../src/clock.ts'
import { translated } from './errors.ts'
import type { Tables } from './tables.ts'

/** How long a row of the feed of changes is kept. */
const changesLiveMs = 3_600_000

/** Deletes what has expired: artifacts, and rows of the feed older than an hour. */
export async function sweep({ artifacts, changes }: Tables, clock: Clock): Promise<void> {
  const now = clock()
  await translated(async () => {
    await artifacts.deleteMany({ expiresAt: { $lte: now } })
    // From the oldest up to the first that is young: whatever the clocks of several machines say, no hole arises.
    const old = { at: { $lte: now - changesLiveMs } }
    const firstYoung = await changes.findOne({ at: { $gt: now - changesLiveMs } }, { sort: { _id: 1 } })
    await changes.deleteMany(firstYoung === null ? old : { _id: { $lt: firstYoung._id } })
  })
}
