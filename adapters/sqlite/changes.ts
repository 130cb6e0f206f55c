import { z } from 'zod'
import type { OrganizationId } from '../../src/ids.ts'
import { checkLimit } from '../../src/storage/checks.ts'
import type { ChangeRow, Changes } from '../../src/storage/ports.ts'
import type { Bell } from './bell.ts'
import { integerOf, textOf } from './columns.ts'
import type { Connection, Row } from './connection.ts'

const Items = z
  .array(
    z.object({
      // Sound: written from a document, whose organization has this brand.
      organizationId: z.string().transform((id) => id as OrganizationId),
      collection: z.string(),
      id: z.string(),
      located: z.array(z.string()),
      revision: z.int().optional(),
    }),
  )
  .readonly()

export function sqliteChanges(connection: Connection, bell: Bell): Changes {
  // The newest position ever given, also if its row has been forgotten.
  const head = () => {
    const row = connection.get(`SELECT seq FROM sqlite_sequence WHERE name = 'changes'`)
    return row === undefined ? 0 : integerOf(row, 'seq')
  }
  return {
    head: async () => head(),
    read: async (position, limit) => {
      checkLimit(limit)
      // The head first: rows that another process adds between the two reads are then no gap.
      const newest = head()
      const rows = connection
        .all(
          'SELECT position, items FROM changes WHERE position > ? ORDER BY position LIMIT ?',
          position,
          limit,
        )
        .map(changeRowOf)
      // Positions have no holes: a transaction that does not commit gives its position back. One ahead of the head is
      // of another life of this store, restored since from a backup.
      const first = rows[0]
      const gap = first === undefined ? position !== newest : first.position !== position + 1
      return { rows: gap ? [] : rows, gap }
    },
    onBell: (ring) => bell.onRing(ring),
  }
}

function changeRowOf(row: Row): ChangeRow {
  return { position: integerOf(row, 'position'), items: Items.parse(JSON.parse(textOf(row, 'items'))) }
}
