import { describe } from 'vitest'
import { recordsContract } from './records-contract.ts'
import { stores } from './stores.ts'

describe.each(stores)('$name', (kind) => {
  describe('Records', () => recordsContract(kind))
})
