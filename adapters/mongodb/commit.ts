import type { ClientSession, Collection as Table } from 'mongodb'
import type { Clock } from '../../src/clock.ts'
import { DomainError } from '../../src/errors.ts'
import { changedItem } from '../../src/storage/changed-item.ts'
import { checkChanges } from '../../src/storage/checks.ts'
import type { Change, CommitChanges, Insert, Remove, Stored, Update } from '../../src/storage/ports.ts'
import { duplicateIn } from './errors.ts'
import { heldOf, type KeyRows, keyRowsAfter, type NamedKeyRow } from './key-rows.ts'
import { feedId, type Held, type KeyRow, type RecordRow, recordId, type Tables } from './tables.ts'
import type { InTransaction } from './transactions.ts'
import type { Turns } from './turns.ts'

const nothing: Held = { inOrganization: [], inDeployment: [] }

/**
 * The position is taken last, by `$inc` of one document that every commit writes. Of two transactions that write it,
 * one ends before the other can: so commits become visible in the order of their positions, and a reader never sees
 * a later one before an earlier. Within a process they take turns, since two at once would only meet there.
 */
export function mongoCommit(
  tables: Tables,
  inTransaction: InTransaction,
  turns: Turns,
  clock: Clock,
): CommitChanges {
  return async (changes) => {
    checkChanges(changes)
    await turns.run(() =>
      inTransaction(async (session) => {
        const prepared = changes.map((change) => ({ change, rows: keyRowsAfter(change) }))
        const held = await writeRecords(tables.records, prepared, session)
        await writeKeys(tables.keys, 'inOrganization', prepared, held, session)
        await writeKeys(tables.deploymentKeys, 'inDeployment', prepared, held, session)
        const position = await nextPosition(tables, session)
        const items = changes.map(changedItem)
        await tables.changes.insertOne({ _id: position, at: clock(), items }, { session })
      }),
    )
  }
}

interface Prepared {
  readonly change: Change
  readonly rows: KeyRows
}

/** Answers, change by change, what was held before: as it was stored, since an older program may have listed it otherwise. */
async function writeRecords(
  records: Table<RecordRow>,
  prepared: readonly Prepared[],
  session: ClientSession,
): Promise<readonly Held[]> {
  const held: Held[] = []
  const inserted: RecordRow[] = []
  for (const { change, rows } of prepared) {
    if (change.kind === 'insert') inserted.push(recordRow(change, rows))
    held.push(change.kind === 'insert' ? nothing : await replaceRecord(records, change, rows, session))
  }
  if (inserted.length > 0) await insertRecords(records, inserted, session)
  return held
}

async function replaceRecord(
  records: Table<RecordRow>,
  change: Update | Remove,
  rows: KeyRows,
  session: ClientSession,
): Promise<Held> {
  const { before, collection } = change
  const { organizationId, version } = before
  const filter = { _id: recordId(collection.name, before), organizationId, version }
  const options = { session, projection: { held: 1 } }
  const found =
    change.kind === 'remove'
      ? await records.findOneAndDelete(filter, options)
      : await records.findOneAndUpdate(filter, { $set: recordRow(change, rows) }, options)
  if (found === null) throw outdated(collection.name, before)
  return found.held
}

function recordRow({ collection, after }: Insert | Update, rows: KeyRows): RecordRow {
  const { id, organizationId, version } = after
  return {
    _id: recordId(collection.name, after),
    organizationId,
    collection: collection.name,
    id,
    version,
    document: JSON.stringify(after),
    listed: rows.listed,
    held: heldOf(rows),
  }
}

async function insertRecords(
  records: Table<RecordRow>,
  inserted: readonly RecordRow[],
  session: ClientSession,
): Promise<void> {
  try {
    await records.insertMany(inserted, { session })
  } catch (cause) {
    const row = inserted[duplicateIn(cause) ?? -1]
    if (row === undefined) throw cause
    throw alreadyThere(row, cause)
  }
}

/** All keys are given up before any is taken: one commit may hand a unique key from one document to another. */
async function writeKeys(
  keys: Table<KeyRow>,
  place: keyof Held,
  prepared: readonly Prepared[],
  held: readonly Held[],
  session: ClientSession,
): Promise<void> {
  const givenUp = prepared.flatMap(({ rows }, i) => {
    const after = new Set(rows[place].map(({ _id }) => _id))
    return (held[i] ?? nothing)[place].filter((id) => !after.has(id))
  })
  const taken = prepared.flatMap(({ change, rows }, i) => {
    const before = new Set((held[i] ?? nothing)[place])
    const { name } = change.collection
    return rows[place].filter(({ _id }) => !before.has(_id)).map((row) => ({ row, collection: name }))
  })
  if (givenUp.length > 0) await keys.deleteMany({ _id: { $in: givenUp } }, { session })
  if (taken.length > 0) await takeKeys(keys, taken, session)
}

async function takeKeys(
  keys: Table<KeyRow>,
  taken: readonly { readonly row: NamedKeyRow; readonly collection: string }[],
  session: ClientSession,
): Promise<void> {
  try {
    const rows = taken.map(({ row: { _id, organizationId, id } }) => ({ _id, organizationId, id }))
    await keys.insertMany(rows, { session })
  } catch (cause) {
    const broken = taken[duplicateIn(cause) ?? -1]
    if (broken === undefined) throw cause
    throw keyTaken(broken.collection, broken.row.index, cause)
  }
}

function outdated(collection: string, { id }: Stored): DomainError {
  return new DomainError('conflict', `${id} in ${collection} was changed meanwhile`, {
    fix: 'Read it again, and repeat the change if it is still wanted.',
    data: { collection, id },
  })
}

function alreadyThere({ collection, id }: RecordRow, cause: unknown): DomainError {
  const message = `there is already a document ${id} in ${collection}`
  return new DomainError('already_exists', message, { data: { collection }, cause })
}

function keyTaken(collection: string, index: string, cause: unknown): DomainError {
  const message = `another document of ${collection} has this ${index}`
  return new DomainError('already_exists', message, { data: { collection, index }, cause })
}

async function nextPosition({ meta }: Tables, session: ClientSession): Promise<number> {
  const feed = await meta.findOneAndUpdate(
    { _id: feedId },
    { $inc: { position: 1 } },
    { session, returnDocument: 'after' },
  )
  if (feed?.position === undefined) throw new Error('the store has lost its position')
  return feed.position
}
