import { type Db, type Document, MongoServerError } from 'mongodb'
import { DomainError } from '../../src/errors.ts'
import { duplicateIn } from './errors.ts'
import { type ArtifactRow, feedId, schemaId, type Tables } from './tables.ts'

/**
 * Migrations, in order; the schema's version is how many have run. Several nodes may run one at the same time, and
 * one that broke off runs again: each does nothing where its work is done. One that was released is never edited:
 * another is added.
 */
const migrations: readonly ((db: Db, tables: Tables) => Promise<void>)[] = [firstTables, trails]

/** Every shard key begins with the organization, or the service: `{ _id: 1 }`, save for `meta` and `changes`, which are not sharded. */
async function firstTables(db: Db, tables: Tables): Promise<void> {
  for (const name of ['keys', 'deployment_keys', 'latest_marks', 'changes']) await makeCollection(db, name)
  await tables.records.createIndexes([
    { key: { organizationId: 1, collection: 1, listed: 1, id: 1 }, name: 'listed' },
  ])
  await tables.artifacts.createIndexes([
    { key: { serviceId: 1, model: 1, uid: 1 }, name: 'uid', ...where('uid') },
    { key: { serviceId: 1, model: 1, userCode: 1 }, name: 'user_code', ...where('userCode') },
    { key: { serviceId: 1, grantId: 1 }, name: 'grant', ...where('grantId') },
    { key: { serviceId: 1, accountId: 1, model: 1, id: 1 }, name: 'account', ...where('accountId') },
    { key: { expiresAt: 1 }, name: 'expiry' },
    // Tidies where nobody sweeps; an hour late, so that a server's clock that is fast takes nothing that lives.
    { key: { expiresOn: 1 }, name: 'expired', expireAfterSeconds: 3_600 },
  ])
  await tables.counters.createIndexes([
    { key: { organizationId: 1, windowAt: -1, name: 1 }, name: 'listed' },
    { key: { windowAt: 1 }, name: 'window' },
  ])
  await once(() =>
    tables.meta.updateOne({ _id: feedId }, { $setOnInsert: { position: 0 } }, { upsert: true }),
  )
}

/** Each of them has the organization, or else all organizations, in the order of time. */
async function trails(_: Db, { trails }: Tables): Promise<void> {
  await trails.createIndexes([
    { key: { organizationId: 1, collection: 1, listed: 1, id: -1 }, name: 'listed' },
    { key: { collection: 1, located: 1, id: -1 }, name: 'located' },
    { key: { collection: 1, id: 1 }, name: 'age' },
  ])
}

function where(field: keyof ArtifactRow): { partialFilterExpression: Document } {
  return { partialFilterExpression: { [field]: { $exists: true } } }
}

/**
 * Brings the store to this program's schema.
 * @throws {DomainError} `store_unavailable` if a newer program has already brought it further
 */
export async function migrate(db: Db, tables: Tables): Promise<void> {
  const schema = await tables.meta.findOne({ _id: schemaId })
  const version = schema?.version ?? 0
  if (version > migrations.length) throw newer(version)
  if (version === migrations.length) return
  for (const migration of migrations.slice(version)) await migration(db, tables)
  await once(() =>
    tables.meta.updateOne({ _id: schemaId }, { $max: { version: migrations.length } }, { upsert: true }),
  )
}

const namespaceExists = 48

/** No error where it is already. */
export async function makeCollection(db: Db, name: string): Promise<void> {
  try {
    await db.createCollection(name)
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== namespaceExists) throw error
  }
}

/** Of two nodes that insert the same row at once, one is told that it is there: then it updates. */
async function once(write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (duplicateIn(error) === undefined) throw error
    await write()
  }
}

function newer(version: number): DomainError {
  const fix =
    'Start the version of Latchkey that last used this store or a newer one, or restore a backup made before.'
  return new DomainError(
    'store_unavailable',
    `this store has schema version ${version}, which is newer than this program's ${migrations.length}. ${fix}`,
    { fix },
  )
}
