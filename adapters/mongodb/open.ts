import { MongoClient, type MongoClientOptions, MongoServerError, ObjectId } from 'mongodb'
import type { Clock } from '../../src/clock.ts'
import { DomainError } from '../../src/errors.ts'
import type { Store } from '../../src/storage/ports.ts'
import { mongoArtifacts } from './artifacts.ts'
import { Bell } from './bell.ts'
import { mongoChanges } from './changes.ts'
import { mongoCommit } from './commit.ts'
import { mongoCounters } from './counters.ts'
import { translated, unavailable } from './errors.ts'
import { mongoRecords } from './records.ts'
import { makeCollection, migrate } from './schema.ts'
import { sweep } from './sweep.ts'
import { type Tables, tablesOf } from './tables.ts'
import { mongoTrails } from './trails.ts'
import { type InTransaction, transactionsOf } from './transactions.ts'
import { Turns } from './turns.ts'

interface MongoOptions {
  /** `mongodb://` or `mongodb+srv://`; its database, or `latchkey` where it names none. */
  readonly url: string
  readonly clock: Clock
  /** How long to look for a server that can be asked. */
  readonly selectionTimeoutMs?: number
  /** How long to wait for its answer. */
  readonly answerTimeoutMs?: number
}

/**
 * Opens the store on a replica set or a sharded cluster, and brings an older one to this program's schema.
 * @throws {DomainError} `store_unavailable` if no server answers, it refuses transactions, or a newer program has
 * changed the schema
 */
export async function openMongo(options: MongoOptions): Promise<Store> {
  const { clock, answerTimeoutMs = 5_000 } = options
  const client = clientOf(options)
  const db = client.db(databaseIn(options.url))
  const tables = tablesOf(db)
  const inTransaction = transactionsOf(client)
  try {
    await translated(async () => {
      await client.connect()
      await makeCollection(db, tables.meta.collectionName)
      await tryTransaction(tables, inTransaction)
      await migrate(db, tables)
    })
  } catch (error) {
    await client.close()
    throw error
  }
  const turns = new Turns(2 * answerTimeoutMs)
  const bell = new Bell(tables.changes)
  const commit = mongoCommit(tables, inTransaction, turns, clock)
  return {
    records: mongoRecords(tables),
    commit: async (changes) => {
      await commit(changes)
      bell.ring()
    },
    artifacts: mongoArtifacts(tables, clock),
    counters: mongoCounters(tables, inTransaction),
    trails: mongoTrails(tables),
    changes: mongoChanges(tables, bell),
    ping: async () => {
      await translated(() => tables.meta.findOne({}))
    },
    sweep: () => sweep(tables, clock),
    close: async () => {
      await turns.settled()
      await bell.close()
      await client.close()
    },
  }
}

function clientOf({ url, selectionTimeoutMs = 3_000, answerTimeoutMs = 5_000 }: MongoOptions): MongoClient {
  const options: MongoClientOptions = {
    appName: 'latchkey',
    // These are promises of the store, so the URL does not change them.
    readPreference: 'primary',
    readConcern: { level: 'majority' },
    writeConcern: { w: 'majority', wtimeoutMS: answerTimeoutMs },
    serverSelectionTimeoutMS: selectionTimeoutMs,
    waitQueueTimeoutMS: selectionTimeoutMs,
    connectTimeoutMS: selectionTimeoutMs,
    socketTimeoutMS: answerTimeoutMs,
  }
  const client = parsed(url, options)
  if (client !== undefined) return client
  throw unavailable('the address of the store is malformed: expected mongodb://host:port/database?options')
}

/** Without the error, which may quote the URL and with it the password. */
function parsed(url: string, options: MongoClientOptions): MongoClient | undefined {
  try {
    return new MongoClient(url, options)
  } catch {
    return undefined
  }
}

const databaseDefault = 'latchkey'

function databaseIn(url: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1]
  return path === undefined ? databaseDefault : decodeURIComponent(path)
}

/** @throws {DomainError} `store_unavailable` with what to do, if writes are not taken back together */
async function tryTransaction({ meta }: Tables, inTransaction: InTransaction): Promise<void> {
  const _id = `trial ${new ObjectId().toHexString()}`
  const takenBack = new Error('taken back on purpose')
  try {
    await inTransaction(async (session) => {
      await meta.insertOne({ _id }, { session })
      throw takenBack
    })
  } catch (error) {
    if (error instanceof MongoServerError) throw withoutTransactions(error)
    if (error !== takenBack) throw error
  }
  const { deletedCount } = await meta.deleteOne({ _id })
  if (deletedCount !== 0) throw withoutTransactions()
}

function withoutTransactions(cause?: unknown): DomainError {
  const fix =
    'Latchkey needs a MongoDB replica set or sharded cluster. A single server becomes one: start mongod with --replSet rs0, then run rs.initiate() once in mongosh.'
  return new DomainError('store_unavailable', `this MongoDB server refuses transactions. ${fix}`, {
    fix,
    cause,
  })
}
