import type { Clock } from '../clock.ts'
import { hasCode } from '../errors.ts'
import type { ServiceId } from '../ids.ts'
import { locatedInPages } from '../storage/in-pages.ts'
import { type ChangeRow, type CommitChanges, type Position, type Records, remove } from '../storage/ports.ts'
import { type Revocation, revocations } from './revocation.ts'

/** What is needed of the follower of the feed. */
interface FollowedFeed {
  position(): Position
  onRow(listener: (row: ChangeRow) => void): () => void
  onReset(listener: () => void): () => void
}

interface Deps {
  readonly records: Records
  readonly feed: FollowedFeed
  readonly clock: Clock
}

/** All entries that still end tokens, held in memory and kept true by the feed. */
export interface LiveRevocations {
  /** Those that can match a token of the service; without one, all. */
  of(serviceId: ServiceId | undefined): readonly Revocation[]
  /** Every row of the feed up to here has been taken in. Behind the feed while an entry is being read. */
  position(): Position
  /** Grows when an entry comes or goes. */
  generation(): number
  /** Called once a row is taken in, with the entries that it brought; rows without entries are told, too. */
  onRow(listener: (row: ChangeRow, entries: readonly Revocation[]) => void): () => void
  onReset(listener: () => void): () => void
  /** Forgets entries whose time has come, here and in the store. Safe from many nodes at once. */
  sweep(commit: CommitChanges): Promise<void>
  stop(): void
}

const pageSize = 500
const retryMs = 200

/** Reads all live entries, then follows. Resolves when the first reading is complete. */
export async function followRevocations({ records, feed, clock }: Deps): Promise<LiveRevocations> {
  const entries = new Map<string, Revocation>()
  const rowListeners = new Set<(row: ChangeRow, entries: readonly Revocation[]) => void>()
  const resetListeners = new Set<() => void>()
  let generation = 0
  let position = 0
  let stopped = false
  let work: Promise<void> = Promise.resolve()

  /** One thing after the other, each until it succeeds: an entry that is skipped would let an ended token live. */
  function enqueue(job: () => Promise<void>): Promise<void> {
    work = work.then(async () => {
      while (!stopped) {
        try {
          return await job()
        } catch (error) {
          if (!hasCode(error, 'store_unavailable')) throw error
          await new Promise((resolve) => setTimeout(resolve, retryMs).unref())
        }
      }
    })
    return work
  }

  async function readAll(): Promise<void> {
    const begun = feed.position()
    const found = await allEntries(records)
    entries.clear()
    for (const entry of found) entries.set(entry.id, entry)
    position = Math.max(position, begun)
    generation++
  }

  async function takeIn(row: ChangeRow): Promise<void> {
    const named = row.items.filter((item) => item.collection === revocations.name)
    const brought: Revocation[] = []
    for (const { organizationId, id } of named) {
      // Sound: the feed names a document of this collection, whose ids have this brand.
      const entry = await records.find(organizationId, revocations, id as Revocation['id'])
      if (entry === undefined) entries.delete(id)
      else {
        entries.set(id, entry)
        brought.push(entry)
      }
    }
    if (named.length > 0) generation++
    position = row.position
    for (const listener of rowListeners) listener(row, brought)
  }

  const stopRows = feed.onRow((row) => void enqueue(() => takeIn(row)))
  const stopResets = feed.onReset(() => {
    void enqueue(readAll).then(() => {
      for (const listener of resetListeners) listener()
    })
  })
  await enqueue(readAll)

  return {
    of: (serviceId) => {
      const now = clock()
      return [...entries.values()].filter(
        (entry) =>
          entry.forgetAt > now &&
          (entry.serviceId === undefined || serviceId === undefined || entry.serviceId === serviceId),
      )
    },
    position: () => position,
    generation: () => generation,
    onRow: (listener) => subscribe(rowListeners, listener),
    onReset: (listener) => subscribe(resetListeners, listener),
    sweep: async (commit) => {
      const now = clock()
      for (const entry of [...entries.values()].filter(({ forgetAt }) => forgetAt <= now)) {
        await forget(commit, entry)
        entries.delete(entry.id)
      }
    },
    stop: () => {
      stopped = true
      stopRows()
      stopResets()
    },
  }
}

function subscribe<L>(listeners: Set<L>, listener: L): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

async function allEntries(records: Records): Promise<readonly Revocation[]> {
  const found: Revocation[] = []
  const all = locatedInPages((page) => records.locate(revocations, 'all', '', page), pageSize)
  for await (const references of all) {
    const loaded = await Promise.all(
      references.map(({ organizationId, id }) => records.find(organizationId, revocations, id)),
    )
    found.push(...loaded.filter((entry) => entry !== undefined))
  }
  return found
}

async function forget(commit: CommitChanges, entry: Revocation): Promise<void> {
  try {
    await commit([remove(revocations, entry)])
  } catch (error) {
    // Another node forgot it first.
    if (!hasCode(error, 'conflict')) throw error
  }
}
