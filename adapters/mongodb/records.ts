import type { Collection as Table } from 'mongodb'
import { checkDeploymentWide, checkLimit, checkText, parseCursor } from '../../src/storage/checks.ts'
import {
  type Collection,
  cursorOf,
  type Page,
  type Records,
  type Reference,
  type Stored,
} from '../../src/storage/ports.ts'
import { storedDocument } from '../../src/storage/stored-document.ts'
import { translated } from './errors.ts'
import { sharedKeyId, sharedKeyPrefix, uniqueKeyId } from './key-rows.ts'
import { mongoList } from './lists.ts'
import { direction, isNewestFirst, rangeOf } from './pages.ts'
import { ReadsTogether } from './reads-together.ts'
import { type KeyRow, organizationIn, type RecordRow, recordId, type Tables } from './tables.ts'

export function mongoRecords(tables: Tables): Records {
  const { records, deploymentKeys } = tables
  const documents = new ReadsTogether((ids) => translated(() => documentsWith(records, ids)))
  const holders = new ReadsTogether((ids) =>
    translated(() => deploymentKeys.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray()),
  )
  return {
    find: async (organizationId, from, id) => {
      checkText(organizationId, id)
      const row = await documents.find(recordId(from.name, { organizationId, id }))
      return row && documentOf(from, row)
    },
    list: mongoList(tables),
    locate: async <T extends Stored>(from: Collection<T>, index: string, key: string, page: Page) => {
      checkDeploymentWide(from, index)
      checkLimit(page.limit)
      checkText(key, page.after)
      const cursor = page.after === undefined ? undefined : parseCursor(page.after)
      if (from.indexes[index]?.unique) {
        const row = await holders.find(uniqueKeyId(from.name, index, key))
        const references = row === undefined ? [] : [referenceOf<T>(row)]
        return references.filter((reference) => isAfter(reference, page))
      }
      const prefix = sharedKeyPrefix(from.name, index, key)
      const after = cursor && sharedKeyId(prefix, cursor.organizationId, cursor.id)
      const rows = await translated(() =>
        deploymentKeys
          .find({ _id: rangeOf(prefix, after, page) }, { sort: { _id: direction(page) }, limit: page.limit })
          .toArray(),
      )
      return rows.map((row) => referenceOf<T>(row))
    },
  }
}

/** Of the organizations that the ids begin with: a sharded cluster asks only where those are kept. */
function documentsWith(
  records: Table<RecordRow>,
  ids: readonly string[],
): Promise<readonly Pick<RecordRow, '_id' | 'document'>[]> {
  const organizations = [...new Set(ids.map(organizationIn))]
  return records
    .find(
      { _id: { $in: ids }, organizationId: { $in: organizations } },
      { projection: { document: 1 }, batchSize: ids.length + 1 },
    )
    .toArray()
}

function isAfter<T extends Stored>(reference: Reference<T>, page: Page): boolean {
  if (page.after === undefined) return true
  const place = cursorOf(reference)
  return isNewestFirst(page) ? place < page.after : place > page.after
}

function documentOf<T extends Stored>(collection: Collection<T>, row: Pick<RecordRow, 'document'>): T {
  return storedDocument(collection, JSON.parse(row.document))
}

function referenceOf<T extends Stored>({ organizationId, id }: KeyRow): Reference<T> {
  // Sound: both were written from a document of the collection, whose ids have these brands.
  return Object.freeze({ organizationId, id }) as Reference<T>
}
