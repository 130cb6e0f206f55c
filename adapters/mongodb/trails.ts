import { type Filter, MongoBulkWriteError } from 'mongodb'
import { checkEntries, checkText, checkTrailPage } from '../../src/storage/checks.ts'
import { indexEntries } from '../../src/storage/index-entries.ts'
import type { Collection, Stored, TrailPage, Trails } from '../../src/storage/ports.ts'
import { storedDocument } from '../../src/storage/stored-document.ts'
import { translated } from './errors.ts'
import { listedKey } from './key-rows.ts'
import { recordId, type Tables, type TrailRow } from './tables.ts'

const documentAlone = { _id: 0, document: 1 }
const partMax = 1_000
const duplicateKey = 11_000

/** Without transactions: an entry that is written twice is there once, so that nothing need be taken back. */
export function mongoTrails({ trails }: Tables): Trails {
  async function listOf<T extends Stored>(
    from: Collection<T>,
    filter: Filter<TrailRow>,
    page: TrailPage,
  ): Promise<readonly T[]> {
    const rows = await translated(() =>
      trails
        .find(
          { ...filter, collection: from.name, ...within(page) },
          { projection: documentAlone, sort: { id: -1 }, limit: page.limit },
        )
        .toArray(),
    )
    return rows.map(({ document }) => storedDocument(from, JSON.parse(document)))
  }
  return {
    append: async (to, entries) => {
      checkEntries(to, entries)
      if (entries.length === 0) return []
      const rows = entries.map((entry) => rowOf(to, entry))
      const known = await translated(() => insertedBefore(trails.insertMany(rows, { ordered: false })))
      return entries.filter((_, i) => !known.has(i))
    },
    list: async (organizationId, from, index, key, page) => {
      checkText(organizationId)
      checkTrailPage(from, index, key, page, 'organization')
      return listOf(from, { organizationId, listed: listedKey(index, key) }, page)
    },
    listAcross: async (from, index, key, page) => {
      checkTrailPage(from, index, key, page, 'deployment')
      return listOf(from, { located: listedKey(index, key) }, page)
    },
    forget: async ({ name: collection }, before) => {
      for (let forgotten = 0; ; ) {
        const old = { collection, id: { $lt: before } }
        const part = await translated(() =>
          trails.find(old, { projection: { _id: 1 }, sort: { id: 1 }, limit: partMax }).toArray(),
        )
        const ids = part.map(({ _id }) => _id)
        const { deletedCount } = await translated(() => trails.deleteMany({ _id: { $in: ids } }))
        forgotten += deletedCount
        if (part.length < partMax) return forgotten
      }
    },
  }
}

/** The places, within the batch, of rows that were there already. */
async function insertedBefore(inserting: Promise<unknown>): Promise<ReadonlySet<number>> {
  try {
    await inserting
    return new Set()
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error
    const faults = [error.writeErrors].flat()
    if (error.result.getWriteConcernError() !== undefined) throw error
    if (faults.length === 0 || faults.some(({ code }) => code !== duplicateKey)) throw error
    return new Set(faults.map(({ index }) => index))
  }
}

function rowOf<T extends Stored>(collection: Collection<T>, entry: T): TrailRow {
  const { id, organizationId } = entry
  const entries = indexEntries(collection, entry)
  const keys = (isWide: boolean) =>
    entries
      .filter(({ deploymentWide }) => deploymentWide === isWide)
      .map(({ index, key }) => listedKey(index, key))
  return {
    _id: recordId(collection.name, entry),
    organizationId,
    collection: collection.name,
    id,
    document: JSON.stringify(entry),
    listed: keys(false),
    located: keys(true),
  }
}

function within({ before, from }: TrailPage): Filter<TrailRow> {
  if (before === undefined && from === undefined) return {}
  return {
    id: { ...(before === undefined ? {} : { $lt: before }), ...(from === undefined ? {} : { $gte: from }) },
  }
}
