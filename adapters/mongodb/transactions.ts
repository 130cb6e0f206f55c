import { setTimeout as pause } from 'node:timers/promises'
import { type ClientSession, type MongoClient, MongoError, type TransactionOptions } from 'mongodb'
import { translated, unavailable } from './errors.ts'

/** Runs work in a transaction: all or nothing, seen by nobody before, durable on a majority after. */
export type InTransaction = <T>(work: (session: ClientSession) => Promise<T>) => Promise<T>

const options: TransactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority' },
  readPreference: 'primary',
}
/** Of transactions that meet, one wins each time: the bound is reached only under a crowd, after about 10 s. */
const attemptsMax = 60
const commitsMax = 3
const pauseMsMax = 200

/** The driver's own `withTransaction` goes on for two minutes, and for all that time when the server is gone. */
export function transactionsOf(client: MongoClient): InTransaction {
  return (work) =>
    translated(() =>
      client.withSession(async (session) => {
        for (let attempt = 1; ; attempt++) {
          try {
            return await once(session, work)
          } catch (error) {
            if (!hasLabel(error, 'TransientTransactionError') || isOfTheNetwork(error)) throw error
            if (attempt === attemptsMax) throw unavailable('too many commits met each other', error)
          }
          await pause(Math.min(2 * 1.3 ** attempt, pauseMsMax))
        }
      }),
    )
}

async function once<T>(session: ClientSession, work: (session: ClientSession) => Promise<T>): Promise<T> {
  session.startTransaction(options)
  try {
    const result = await work(session)
    await commit(session)
    return result
  } catch (error) {
    // What the server does not hear of it ends by itself.
    if (session.inTransaction()) await session.abortTransaction().catch(() => undefined)
    throw error
  }
}

/** A commit whose answer was lost is asked for again: the server knows whether it has happened. */
async function commit(session: ClientSession): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await session.commitTransaction()
    } catch (error) {
      if (!hasLabel(error, 'UnknownTransactionCommitResult') || attempt === commitsMax) throw error
    }
  }
}

function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label)
}

/** Also labelled transient; tried once more by the driver already, and each try costs a time-out. */
function isOfTheNetwork(error: unknown): boolean {
  return error instanceof MongoError && /^Mongo(Network|ServerSelection)/.test(error.name)
}
