import { z } from 'zod'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { DomainError } from '../../src/errors.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { cacheRecords } from '../../src/storage/cache.ts'
import { followFeed } from '../../src/storage/feed.ts'
import type { Changes, Collection, Records, Store, Stored } from '../../src/storage/ports.ts'

export interface Note extends Stored {
  readonly slug: string
  readonly text: string
}

export const notes: Collection<Note> = {
  name: 'notes',
  schema: z.object({
    id: z.string(),
    organizationId: z.custom<OrganizationId>((value) => typeof value === 'string'),
    version: z.int(),
    slug: z.string(),
    text: z.string(),
  }),
  indexes: {
    all: { keys: () => [''], deploymentWide: true },
    slug: { keys: ({ slug }) => [slug], unique: true, deploymentWide: true },
  },
}

export const clinic = 'org_00000000000000000000000001' as OrganizationId

export function note(id: string, text = 'first', organizationId = clinic): Note {
  return { id, organizationId, version: 1, slug: `slug-of-${id}`, text }
}

/** What a test can do to the store that a node sees; the store itself is the real one. */
export interface Faults {
  /** Reads of records that reached the store. */
  reads: number
  /** The store's answers wait for it: what they say was read before. */
  answersHeldUntil: Promise<unknown> | undefined
  recordsGone: boolean
  changesGone: boolean
  bellless: boolean
}

/** A store in memory whose feed can forget. */
export async function openForgetful() {
  let now = Date.parse('2030-01-01T12:00:00Z')
  const store = await openSqlite({ path: ':memory:', clock: () => now })
  return {
    ...store,
    /** Forgets the rows of the feed so far. */
    forget: async () => {
      now += 3_600_001
      await store.sweep()
    },
  }
}

type Reading = Pick<Store, 'records' | 'changes' | 'commit'>

/** A node of its own on a store: a feed, a cache, a monotonic clock that the test moves. */
export async function startNode(store: Reading, given: Partial<Faults> = {}) {
  const faults: Faults = {
    reads: 0,
    answersHeldUntil: undefined,
    recordsGone: false,
    changesGone: false,
    bellless: false,
    ...given,
  }
  let nowMs = 0
  const feed = await followFeed({ changes: faultyChanges(store.changes, faults), monotonic: () => nowMs })
  const records = faultyRecords(store.records, faults)
  return {
    feed,
    faults,
    ...cacheRecords({ records, commit: store.commit, feed, entriesMax: 50, absentMax: 5 }),
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

function gone(isGone: boolean): void {
  if (isGone) throw new DomainError('store_unavailable', 'the test took the store away')
}

function faultyChanges(changes: Changes, faults: Faults): Changes {
  return {
    head: () => changes.head(),
    read: async (position, limit) => {
      gone(faults.changesGone)
      return changes.read(position, limit)
    },
    onBell: (ring) => (faults.bellless ? () => undefined : changes.onBell(ring)),
  }
}

function faultyRecords(records: Records, faults: Faults): Records {
  async function read<T>(answer: () => Promise<T>): Promise<T> {
    faults.reads++
    gone(faults.recordsGone)
    const value = await answer()
    await faults.answersHeldUntil
    return value
  }
  return {
    find: (organizationId, from, id) => read(() => records.find(organizationId, from, id)),
    list: (organizationId, from, index, key, page) =>
      read(() => records.list(organizationId, from, index, key, page)),
    locate: (from, index, key, page) => read(() => records.locate(from, index, key, page)),
  }
}
