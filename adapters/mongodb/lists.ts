import type { Filter, Collection as Table } from 'mongodb'
import type { OrganizationId } from '../../src/ids.ts'
import { checkIndex, checkLimit, checkText } from '../../src/storage/checks.ts'
import type { Page, Records } from '../../src/storage/ports.ts'
import { storedDocument } from '../../src/storage/stored-document.ts'
import { translated } from './errors.ts'
import { listedKey, sharedKeyId, sharedKeyPrefix } from './key-rows.ts'
import { direction, isNewestFirst, rangeOf } from './pages.ts'
import { type KeyRow, type RecordRow, recordId, type Tables } from './tables.ts'

interface List {
  readonly organizationId: OrganizationId
  readonly collection: string
  readonly index: string
  readonly key: string
}
type Listed = Pick<RecordRow, 'id' | 'document'>

/**
 * The lists of an organization, in the order of ids. The index over `listed` is in that order on MongoDB. Servers that
 * cannot sort by an index over arrays (DocumentDB for PostgreSQL, under FerretDB) read all of a list for each page of it:
 * so what may be long is listed by the ids of rows, whose order every server has at hand.
 */
export function mongoList({ records, deploymentKeys }: Tables): Records['list'] {
  return async (organizationId, from, index, key, page) => {
    checkIndex(from, index)
    checkLimit(page.limit)
    checkText(organizationId, key, page.after)
    const list: List = { organizationId, collection: from.name, index, key }
    const { deploymentWide, unique } = from.indexes[index] ?? {}
    const hasKeyRows = deploymentWide === true && unique === undefined
    const read = () => {
      if (key === '') return listedById(records, list, page)
      return hasKeyRows
        ? listedByKeyRows(records, deploymentKeys, list, page)
        : listedByIndex(records, list, page)
    }
    const rows = await translated(read)
    return rows.map(({ document }) => storedDocument(from, JSON.parse(document)))
  }
}

/** Under the empty key are all documents of a collection, or most: few rows are passed over. */
function listedById(records: Table<RecordRow>, list: List, page: Page): Promise<readonly Listed[]> {
  const { organizationId, collection } = list
  const idOf = (id: string) => recordId(collection, { organizationId, id })
  const after = page.after === undefined ? undefined : idOf(page.after)
  return listedWhere(records, { _id: rangeOf(idOf(''), after, page), ...under(list) }, page.limit)
    .sort({ _id: direction(page) })
    .toArray()
}

/** By the rows that `locate` goes by, those of one organization. */
async function listedByKeyRows(
  records: Table<RecordRow>,
  keys: Table<KeyRow>,
  list: List,
  page: Page,
): Promise<readonly Listed[]> {
  const { organizationId, collection, index, key } = list
  const idOf = (id: string) => sharedKeyId(sharedKeyPrefix(collection, index, key), organizationId, id)
  const found: Listed[] = []
  let after = page.after
  for (;;) {
    const limit = page.limit - found.length
    const range = rangeOf(idOf(''), after === undefined ? undefined : idOf(after), page)
    const holders = await keys
      .find({ _id: range }, { sort: { _id: direction(page) }, limit, batchSize: limit + 1 })
      .toArray()
    const last = holders.at(-1)
    if (last === undefined) return found
    const ids = holders.map((holder) => recordId(collection, { organizationId, id: holder.id }))
    const rows = await listedWhere(records, { _id: { $in: ids }, ...under(list) }, limit).toArray()
    const byId = new Map(rows.map((row) => [row.id, row]))
    found.push(...holders.flatMap(({ id }) => byId.get(id) ?? []))
    // What was taken out of the list between the two reads does not end it.
    if (found.length === page.limit || holders.length < limit) return found
    after = last.id
  }
}

function listedByIndex(records: Table<RecordRow>, list: List, page: Page): Promise<readonly Listed[]> {
  const after = page.after === undefined ? {} : { id: { [isNewestFirst(page) ? '$lt' : '$gt']: page.after } }
  return listedWhere(records, { ...under(list), collection: list.collection, ...after }, page.limit)
    .sort({ id: direction(page) })
    .toArray()
}

function under({ organizationId, index, key }: List): Filter<RecordRow> {
  return { organizationId, listed: listedKey(index, key) }
}

/** At most so many, and all of them in one answer. */
function listedWhere(records: Table<RecordRow>, filter: Filter<RecordRow>, limit: number) {
  const projection = { _id: 0, id: 1, document: 1 }
  return records.find<Listed>(filter, { projection, limit, batchSize: limit + 1 })
}
