import { DomainError } from '../errors.ts'
import type { Stored } from '../storage/ports.ts'

/** @throws {DomainError} `precondition_failed` if the caller has seen another version than the one that was loaded */
export function checkVersion(loaded: Stored, ifMatch: number | undefined): void {
  if (ifMatch === undefined || ifMatch === loaded.version) return
  throw new DomainError('precondition_failed', `this is version ${loaded.version}, not ${ifMatch}`, {
    fix: 'read it again, then decide on the newer version',
  })
}
