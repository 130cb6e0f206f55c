import { describe } from 'vitest'
import { artifactsContract } from './artifacts-contract.ts'
import { changesContract } from './changes-contract.ts'
import { commitContract } from './commit-contract.ts'
import { countersContract } from './counters-contract.ts'
import { lifeContract } from './life-contract.ts'
import { processesContract } from './processes-contract.ts'
import { recordsContract } from './records-contract.ts'
import { stores } from './stores.ts'
import { trailsContract } from './trails-contract.ts'

describe.each(stores)('$name', (kind) => {
  describe('Records', () => recordsContract(kind))
  describe('commit', () => commitContract(kind))
  describe('Artifacts', () => artifactsContract(kind))
  describe('Counters', () => countersContract(kind))
  describe('Trails', () => trailsContract(kind))
  describe('Changes', () => changesContract(kind))
  describe('from opening to closing', () => lifeContract(kind))
  describe.runIf(kind.isShared)('between processes', () => processesContract(kind))
})
