import {
  MongoBulkWriteError,
  MongoClientClosedError,
  MongoError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerClosedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoStalePrimaryError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
} from 'mongodb'
import { DomainError } from '../../src/errors.ts'

const duplicateKey = 11_000

/** What the driver throws when no server can be asked, or the one that was asked went away. */
const goneClasses = [
  MongoNetworkError,
  MongoServerSelectionError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerClosedError,
  MongoStalePrimaryError,
  MongoTopologyClosedError,
  MongoClientClosedError,
  MongoWriteConcernError,
]
/** A session that ended under an operation, and the pool's errors, whose classes the driver does not export. */
const goneNames = new Set(['MongoExpiredSessionError', 'MongoPoolClosedError', 'MongoWaitQueueTimeoutError'])
/**
 * What a server answers that cannot serve: it shuts down, steps down, is no primary or has no majority, cannot reach
 * the others, no longer lets us in, or has run out of time or space.
 */
const goneCodes = new Set([
  6, 7, 13, 18, 50, 63, 64, 79, 89, 91, 100, 133, 134, 150, 189, 262, 391, 9001, 10_058, 10_107, 11_600,
  11_602, 13_388, 13_435, 13_436, 14_031,
])

function isGone(error: unknown): boolean {
  if (!(error instanceof MongoError)) return false
  if (goneClasses.some((kind) => error instanceof kind) || goneNames.has(error.name)) return true
  if (!(error instanceof MongoServerError)) return false
  // A batch wraps whatever stopped it.
  return goneCodes.has(Number(error.code)) || isGone(error.errorResponse)
}

/** The cause is for the operator's log: the driver's errors name servers, never the URL's credentials. */
export function unavailable(message: string, cause?: unknown): DomainError {
  return new DomainError('store_unavailable', message, { cause })
}

/** Does it; an error of the driver that means that the store is gone becomes `store_unavailable`. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw isGone(cause) ? unavailable('the store does not answer', cause) : cause
  }
}

/** The connection broke or no server was to be had: the same may go well with the next one. */
export function isOfTheNetwork(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true
  return error instanceof MongoServerError && isOfTheNetwork(error.errorResponse)
}

/** The number, within the batch, of the row that was there already; `undefined` for any other error. */
export function duplicateIn(error: unknown): number | undefined {
  if (!(error instanceof MongoServerError) || error.code !== duplicateKey) return undefined
  if (!(error instanceof MongoBulkWriteError)) return 0
  const first = Array.isArray(error.writeErrors) ? error.writeErrors[0] : error.writeErrors
  return first?.index ?? 0
}
