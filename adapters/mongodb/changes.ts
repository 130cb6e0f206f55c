import type { OrganizationId } from '../../src/ids.ts'
import { checkLimit } from '../../src/storage/checks.ts'
import type { ChangeRow, Changes } from '../../src/storage/ports.ts'
import type { Bell } from './bell.ts'
import { translated } from './errors.ts'
import { type ChangesRow, feedId, type Tables } from './tables.ts'

export function mongoChanges({ changes, meta }: Tables, bell: Bell): Changes {
  const head = async () => {
    const feed = await translated(() => meta.findOne({ _id: feedId }))
    if (feed?.position === undefined) throw new Error('the store has lost its position')
    return feed.position
  }
  return {
    head,
    read: async (position, limit) => {
      checkLimit(limit)
      // The head first: rows that are added between the two reads are then no gap.
      const newest = await head()
      if (newest === position) return { rows: [], gap: false }
      const found = await translated(() =>
        changes.find({ _id: { $gt: position } }, { sort: { _id: 1 }, limit }).toArray(),
      )
      // Positions have no holes: a transaction that does not commit gives its position back. One ahead of the head is
      // of another life of this store, restored since from a backup.
      const gap = found[0]?._id !== position + 1
      return { rows: gap ? [] : found.map(changeRowOf), gap }
    },
    onBell: (ring) => bell.onRing(ring),
  }
}

function changeRowOf({ _id, items }: ChangesRow): ChangeRow {
  return {
    position: _id,
    items: items.map(({ organizationId, collection, id, located, revision }) => ({
      // Sound: written from a document, whose organization has this brand.
      organizationId: organizationId as OrganizationId,
      ...{ collection, id, located },
      ...(revision === undefined ? {} : { revision }),
    })),
  }
}
