import type { Clock } from '../../src/clock.ts'
import { DomainError } from '../../src/errors.ts'
import { changedItem } from '../../src/storage/changed-item.ts'
import { checkChanges } from '../../src/storage/checks.ts'
import { type IndexEntry, indexEntries } from '../../src/storage/index-entries.ts'
import type { Change, CommitChanges, Stored } from '../../src/storage/ports.ts'
import type { Connection } from './connection.ts'
import type { GroupedWrites } from './grouped-writes.ts'

type AnyCollection = Change['collection']

export function sqliteCommit(connection: Connection, writes: GroupedWrites, clock: Clock): CommitChanges {
  return async (changes) => {
    checkChanges(changes)
    await writes.run(() => {
      // All keys are given up before any is taken: one commit may hand a unique key from one document to another.
      for (const change of changes) writeRecord(connection, change)
      for (const change of changes) writeKeys(connection, change)
      // Last, and inside of the transaction: whoever sees a position sees every commit before it.
      connection.run(
        'INSERT INTO changes (at, items) VALUES (?, ?)',
        clock(),
        JSON.stringify(changes.map(changedItem)),
      )
      // A position that a power cut took back would be given again, to what its first readers never hear of.
    }, 'when_durable')
  }
}

function writeRecord(connection: Connection, change: Change): void {
  switch (change.kind) {
    case 'insert':
      insertRecord(connection, change.collection, change.after)
      break
    case 'update':
      dropKeys(connection, change.collection, change.before)
      updateRecord(connection, change.collection, change.before, change.after)
      break
    case 'remove':
      dropKeys(connection, change.collection, change.before)
      removeRecord(connection, change.collection, change.before)
      break
    default:
      throw new Error(`unknown change: ${change satisfies never}`)
  }
}

function insertRecord(connection: Connection, { name }: AnyCollection, after: Stored): void {
  const inserted = connection.run(
    `INSERT INTO records (collection, organization_id, id, version, document) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    ...[name, after.organizationId, after.id, after.version, JSON.stringify(after)],
  )
  if (inserted === 1) return
  throw new DomainError('already_exists', `there is already a document ${after.id} in ${name}`, {
    data: { collection: name },
  })
}

function updateRecord(connection: Connection, { name }: AnyCollection, before: Stored, after: Stored): void {
  const updated = connection.run(
    `UPDATE records SET version = ?, document = ?
     WHERE collection = ? AND organization_id = ? AND id = ? AND version = ?`,
    ...[after.version, JSON.stringify(after), name, before.organizationId, before.id, before.version],
  )
  if (updated !== 1) throw outdated(name, before)
}

function removeRecord(connection: Connection, { name }: AnyCollection, before: Stored): void {
  const removed = connection.run(
    'DELETE FROM records WHERE collection = ? AND organization_id = ? AND id = ? AND version = ?',
    ...[name, before.organizationId, before.id, before.version],
  )
  if (removed !== 1) throw outdated(name, before)
}

function outdated(collection: string, { id }: Stored): DomainError {
  return new DomainError('conflict', `${id} in ${collection} was changed meanwhile`, {
    fix: 'Read it again, and repeat the change if it is still wanted.',
    data: { collection, id },
  })
}

/** What is stored, not what `before` would give: an older program may have listed it under other keys. */
function dropKeys(connection: Connection, { name }: AnyCollection, before: Stored): void {
  connection.run(
    'DELETE FROM keys WHERE collection = ? AND organization_id = ? AND id = ?',
    ...[name, before.organizationId, before.id],
  )
}

function writeKeys(connection: Connection, change: Change): void {
  if (change.kind === 'remove') return
  for (const entry of indexEntries(change.collection, change.after))
    writeKey(connection, change.collection, change.after, entry)
}

function writeKey(
  connection: Connection,
  { name }: AnyCollection,
  document: Stored,
  entry: IndexEntry,
): void {
  const { index, key, uniqueness, deploymentWide } = entry
  const inserted = connection.run(
    `INSERT INTO keys (collection, organization_id, id, index_name, key, uniqueness, deployment_wide)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[name, document.organizationId, document.id, index, key, uniqueness, deploymentWide ? 1 : 0],
  )
  if (inserted === 1) return
  throw new DomainError('already_exists', `another document of ${name} has this ${index}`, {
    data: { collection: name, index },
  })
}
