import { DomainError } from '../errors.ts'
import type { Stored } from './ports.ts'

/** @throws {DomainError} `precondition_failed` if the caller read another version than is stored now (RFC 9110 §13.1.1) */
export function expectVersion(loaded: Stored, expected: number | undefined): void {
  if (expected === undefined || expected === loaded.version) return
  throw new DomainError(
    'precondition_failed',
    `${loaded.id} is at version ${loaded.version}, not ${expected}`,
    {
      fix: 'read it again, look at what has changed, and send the new ETag in If-Match',
    },
  )
}
