import { LRUCache } from 'lru-cache'
import type { OrganizationId } from '../ids.ts'
import { changedItem } from './changed-item.ts'
import { type Feed, feedAgeMsMax } from './feed.ts'
import type { ChangedItem, Collection, CommitChanges, Page, Records, Reference, Stored } from './ports.ts'

interface CacheOptions {
  readonly records: Records
  readonly commit: CommitChanges
  /** Give it to the cache before any other: who listens after it finds the changed documents dropped. */
  readonly feed: Feed
  readonly entriesMax?: number
  /** Bound of what was looked for and is not there: a stranger's garbage pushes out only its like. */
  readonly absentMax?: number
  /** A feed older than that is not believed: reads go through. Default: `feedAgeMsMax`. */
  readonly staleAfterMs?: number
}

interface CachedStore {
  /** `find`, and `locate` on unique indexes, from memory; a warm answer is an already resolved promise. The rest reads through. */
  readonly records: Records
  readonly commit: CommitChanges
}

/** Keys come from strangers, too: a longer one is never kept. */
const keyLengthMax = 500

/**
 * An in-process cache that the feed keeps true. The same frozen object is returned until its document changes. When
 * the feed is older than `staleAfterMs` every read goes to the store, and its `store_unavailable` goes up.
 */
export function cacheRecords(options: CacheOptions): CachedStore {
  const {
    records,
    commit,
    feed,
    entriesMax = 50_000,
    absentMax = 5_000,
    staleAfterMs = feedAgeMsMax,
  } = options
  const present = new LRUCache<string, Promise<unknown>>({ max: entriesMax })
  const absent = new LRUCache<string, Promise<unknown>>({ max: absentMax })
  /** Under way and not named since it began. One that is named leaves: nobody joins it, and it is not kept. */
  const loads = new Map<string, Promise<unknown>>()

  function drop(item: ChangedItem): void {
    for (const key of keysOf(item)) {
      present.delete(key)
      absent.delete(key)
      loads.delete(key)
    }
  }

  feed.onRow(({ items }) => items.forEach(drop))
  feed.onReset(() => {
    present.clear()
    absent.clear()
    loads.clear()
  })

  function answer<T>(key: string, isAbsent: (value: T) => boolean, read: () => Promise<T>): Promise<T> {
    const isFresh = () => feed.ageMs() <= staleAfterMs
    if (!isFresh() || key.length > keyLengthMax) return read()
    const known = present.get(key) ?? absent.get(key) ?? loads.get(key)
    // Sound: the key begins with the kind of question and the collection, which together fix T.
    if (known !== undefined) return known as Promise<T>
    const load: Promise<T> = read().then(
      (value) => {
        if (loads.get(key) !== load) return value
        loads.delete(key)
        if (isFresh()) (isAbsent(value) ? absent : present).set(key, load)
        return value
      },
      (error: unknown) => {
        if (loads.get(key) === load) loads.delete(key)
        throw error
      },
    )
    loads.set(key, load)
    return load
  }

  return {
    records: {
      find: <T extends Stored>(organizationId: OrganizationId, from: Collection<T>, id: T['id']) =>
        answer<T | undefined>(
          documentKey(from.name, organizationId, id),
          (document) => document === undefined,
          () => records.find(organizationId, from, id),
        ),
      list: (organizationId, from, index, key, page) => records.list(organizationId, from, index, key, page),
      locate: <T extends Stored>(from: Collection<T>, index: string, key: string, page: Page) => {
        const read = () => records.locate(from, index, key, page)
        // A unique key has one answer whatever the page's size; other look-ups are lists, and are read as such.
        if (from.indexes[index]?.unique === undefined || page.after !== undefined) return read()
        const isAbsent = (references: readonly Reference<T>[]) => references.length === 0
        return answer(locatedKey(from.name, `${index}:${key}`), isAbsent, read)
      },
    },
    commit: async (changes) => {
      try {
        await commit(changes)
      } finally {
        // Also when it failed: after a `conflict` what is held is old, after `store_unavailable` it may have happened.
        for (const change of changes) drop(changedItem(change))
      }
    },
  }
}

// Only the last part of a key is free text: names are the code's, organization ids were parsed. So none reads as another.
function documentKey(collection: string, organizationId: OrganizationId, id: string): string {
  return `document\0${collection}\0${organizationId}\0${id}`
}

function locatedKey(collection: string, located: string): string {
  return `located\0${collection}\0${located}`
}

function keysOf({ collection, organizationId, id, located }: ChangedItem): readonly string[] {
  return [documentKey(collection, organizationId, id), ...located.map((one) => locatedKey(collection, one))]
}
