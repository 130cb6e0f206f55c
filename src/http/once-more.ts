import { DomainError, hasCode } from '../errors.ts'

/**
 * A lost race is run once more on what is there now; with `If-Match` it means that the version is no longer that one.
 * @throws {DomainError} `precondition_failed`, what `work` throws
 */
export async function onceMore<T>(ifMatch: number | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!hasCode(cause, 'conflict')) throw cause
    if (ifMatch !== undefined) throw changedMeanwhile(cause)
    return work()
  }
}

function changedMeanwhile(cause: unknown): DomainError {
  return new DomainError('precondition_failed', 'It was changed by another request meanwhile.', {
    fix: 'Read it again and use the ETag of that answer.',
    cause,
  })
}
