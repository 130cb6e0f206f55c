import {
  checkDeploymentWide,
  checkIndex,
  checkLimit,
  checkText,
  parseCursor,
} from '../../src/storage/checks.ts'
import type { Collection, Page, Records, Reference, Stored } from '../../src/storage/ports.ts'
import { storedDocument } from '../../src/storage/stored-document.ts'
import { textOf } from './columns.ts'
import type { Connection, Row } from './connection.ts'

const listed = `
  SELECT records.document FROM keys JOIN records USING (collection, organization_id, id)
  WHERE keys.collection = ? AND keys.index_name = ? AND keys.organization_id = ? AND keys.key = ?`
const located = `
  SELECT organization_id, id FROM keys
  WHERE deployment_wide = 1 AND collection = ? AND index_name = ? AND key = ?`

export function sqliteRecords(connection: Connection): Records {
  return {
    find: async (organizationId, from, id) => {
      checkText(organizationId, id)
      const row = connection.get(
        'SELECT document FROM records WHERE collection = ? AND organization_id = ? AND id = ?',
        from.name,
        organizationId,
        id,
      )
      return row === undefined ? undefined : documentOf(from, row)
    },
    list: async (organizationId, from, index, key, page) => {
      checkIndex(from, index)
      checkLimit(page.limit)
      checkText(organizationId, key, page.after)
      const after = page.after === undefined ? [] : [page.after]
      const sql = `${listed} ${afterwards(page, 'keys.id')} ORDER BY keys.id ${direction(page)} LIMIT ?`
      const rows = connection.limited(sql, [from.name, index, organizationId, key, ...after], page.limit)
      return rows.map((row) => documentOf(from, row))
    },
    locate: async <T extends Stored>(from: Collection<T>, index: string, key: string, page: Page) => {
      checkDeploymentWide(from, index)
      checkLimit(page.limit)
      checkText(key, page.after)
      const after = page.after === undefined ? undefined : parseCursor(page.after)
      const order = `ORDER BY organization_id ${direction(page)}, id ${direction(page)}`
      const rows = connection.limited(
        `${located} ${afterwards(page, 'organization_id, id')} ${order} LIMIT ?`,
        [from.name, index, key, ...(after === undefined ? [] : [after.organizationId, after.id])],
        page.limit,
      )
      return rows.map((row) => referenceOf<T>(row))
    },
  }
}

function afterwards(page: Page, columns: string): string {
  if (page.after === undefined) return ''
  const places = columns.split(',').map(() => '?')
  return `AND (${columns}) ${page.order === 'newest_first' ? '<' : '>'} (${places})`
}

function direction(page: Page): string {
  return page.order === 'newest_first' ? 'DESC' : 'ASC'
}

function documentOf<T extends Stored>(collection: Collection<T>, row: Row): T {
  return storedDocument(collection, JSON.parse(textOf(row, 'document')))
}

function referenceOf<T extends Stored>(row: Row): Reference<T> {
  const reference = { organizationId: textOf(row, 'organization_id'), id: textOf(row, 'id') }
  // Sound: both were written from a document of the collection, whose ids have these brands.
  return Object.freeze(reference) as Reference<T>
}
