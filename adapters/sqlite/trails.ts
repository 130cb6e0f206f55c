import { hash } from 'node:crypto'
import { checkEntries, checkText, checkTrailPage } from '../../src/storage/checks.ts'
import { indexEntries } from '../../src/storage/index-entries.ts'
import type { Collection, Stored, TrailPage, Trails } from '../../src/storage/ports.ts'
import { storedDocument } from '../../src/storage/stored-document.ts'
import { integerOf, textOf } from './columns.ts'
import type { Connection, Row } from './connection.ts'
import { deleteInParts } from './delete-in-parts.ts'
import type { GroupedWrites } from './grouped-writes.ts'

const inserted = `
  INSERT INTO trail_entries (collection, id, organization_id, lists, document) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING RETURNING entry`
const keyed = 'INSERT INTO trail_lists (list, id, entry) VALUES (?, ?, ?)'
const unkeyed = 'DELETE FROM trail_lists WHERE list = ? AND id = ? AND entry = ?'
// In this order: the list is short, the trail is not.
const listed = `
  SELECT document FROM trail_lists CROSS JOIN trail_entries USING (entry)
  WHERE list = ?`
const oldest = `
  SELECT entry, id, lists FROM trail_entries WHERE collection = ? AND id < ? ORDER BY id LIMIT ?`

/** Each entry is some ten rows: more at once would hold up the requests of this process. */
const partMax = 100

export function sqliteTrails(connection: Connection, writes: GroupedWrites): Trails {
  function listOf<T extends Stored>(from: Collection<T>, list: Uint8Array, where: Where): readonly T[] {
    const { sql, values } = where
    const rows = connection.all(`${listed} ${sql} ORDER BY trail_lists.id DESC LIMIT ?`, ...[list, ...values])
    return rows.map((row) => storedDocument(from, JSON.parse(textOf(row, 'document'))))
  }
  return {
    append: async (to, entries) => {
      checkEntries(to, entries)
      const isNew: boolean[] = []
      const lists = new Map<string, Uint8Array>()
      for (let i = 0; i < entries.length; i += partMax) {
        const part = entries.slice(i, i + partMax)
        isNew.push(...(await writes.run(() => part.map((entry) => append(connection, to, entry, lists)))))
      }
      return entries.filter((_, i) => isNew[i])
    },
    list: async (organizationId, from, index, key, page) => {
      checkText(organizationId)
      checkTrailPage(from, index, key, page, 'organization')
      const { sql, values } = within(page)
      const own = { sql: `AND organization_id = ? ${sql}`, values: [organizationId, ...values] }
      return listOf(from, listId([from.name, index, key, organizationId]), own)
    },
    listAcross: async (from, index, key, page) => {
      checkTrailPage(from, index, key, page, 'deployment')
      return listOf(from, listId([from.name, index, key]), within(page))
    },
    forget: (from, before) =>
      deleteInParts(
        (limit) =>
          writes.run(() => {
            const rows = connection.all(oldest, from.name, before, limit)
            for (const row of rows) forget(connection, row)
            return rows.length
          }),
        partMax,
      ),
  }
}

/** @returns whether it was new */
function append<T extends Stored>(
  connection: Connection,
  { name, ...collection }: Collection<T>,
  entry: T,
  known: Map<string, Uint8Array>,
): boolean {
  const { id, organizationId } = entry
  const lists = indexEntries({ name, ...collection }, entry).map(({ index, key, deploymentWide }) =>
    once(known, deploymentWide ? [name, index, key] : [name, index, key, organizationId]),
  )
  const document = JSON.stringify(entry)
  const row = connection.get(inserted, name, id, organizationId, Buffer.concat(lists), document)
  if (row === undefined) return false
  for (const list of lists) connection.run(keyed, list, id, integerOf(row, 'entry'))
  return true
}

function once(known: Map<string, Uint8Array>, place: readonly string[]): Uint8Array {
  const name = JSON.stringify(place)
  const found = known.get(name) ?? listId(place)
  known.set(name, found)
  return found
}

const listIdBytes = 16

/** Collection, index, key and, unless it is deployment-wide, the organization: in 16 bytes, since every entry has many. */
function listId(place: readonly string[]): Uint8Array {
  return hash('sha256', JSON.stringify(place), 'buffer').subarray(0, listIdBytes)
}

function forget(connection: Connection, row: Row): void {
  const [entry, id] = [integerOf(row, 'entry'), textOf(row, 'id')]
  const { lists } = row
  if (!(lists instanceof Uint8Array)) throw new Error('column lists holds no bytes')
  for (let i = 0; i < lists.length; i += listIdBytes)
    connection.run(unkeyed, lists.slice(i, i + listIdBytes), id, entry)
  connection.run('DELETE FROM trail_entries WHERE entry = ?', entry)
}

interface Where {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

function within({ limit, before, from }: TrailPage): Where {
  const bounds = [
    ...(before === undefined ? [] : [{ sql: 'AND trail_lists.id < ?', value: before }]),
    ...(from === undefined ? [] : [{ sql: 'AND trail_lists.id >= ?', value: from }]),
  ]
  return {
    sql: bounds.map(({ sql }) => sql).join(' '),
    values: [...bounds.map(({ value }) => value), limit],
  }
}
