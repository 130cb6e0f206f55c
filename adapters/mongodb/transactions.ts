import { setTimeout as pause } from 'node:timers/promises'
import { type ClientSession, type MongoClient, MongoError, type TransactionOptions } from 'mongodb'
import { isOfTheNetwork, translated, unavailable } from './errors.ts'

/** Runs work in a transaction: all or nothing, seen by nobody before, durable on a majority after. */
export type InTransaction = <T>(work: (session: ClientSession) => Promise<T>) => Promise<T>

const options: TransactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority' },
  readPreference: 'primary',
}
/** Of transactions that meet, one wins each time: so long it takes only under a crowd. */
const meetingMsMax = 10_000
/** Short for all, however often one has lost: whoever waited longer would lose against who has just come. */
const pauseMsMax = 20
/** A connection that is lost before the commit has changed nothing; each try may cost a time-out. */
const lostMax = 2
const commitsMax = 3

/** The driver's own `withTransaction` goes on for two minutes, and for all that time when the server is gone. */
export function transactionsOf(client: MongoClient): InTransaction {
  return (work) => translated(() => client.withSession((session) => untilDone(session, work)))
}

async function untilDone<T>(
  session: ClientSession,
  work: (session: ClientSession) => Promise<T>,
): Promise<T> {
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
  }, meetingMsMax)
  let lost = 0
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(session, work)
      } catch (error) {
        if (!hasLabel(error, 'TransientTransactionError')) throw error
        if (isOfTheNetwork(error) && ++lost === lostMax) throw error
        if (isLate) throw unavailable('too many commits meet each other', error)
      }
      await pause(Math.min(2 * attempt, pauseMsMax))
    }
  } finally {
    clearTimeout(timer)
  }
}

async function once<T>(session: ClientSession, work: (session: ClientSession) => Promise<T>): Promise<T> {
  session.startTransaction(options)
  try {
    const result = await work(session)
    await commit(session)
    return result
  } catch (error) {
    // A transaction of whose end the server does not hear ends by itself.
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
      const isUnknown = hasLabel(error, 'UnknownTransactionCommitResult') || isOfTheNetwork(error)
      if (!isUnknown || attempt === commitsMax) throw error
    }
  }
}

function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label)
}
