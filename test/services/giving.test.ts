import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ServiceId } from '../../src/ids.ts'
import { outsideOfGiving } from '../../src/services/giving.ts'

const shop = 'svc_00000000000000000000000001' as ServiceId
const operations = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c', 'd', 'e', 'f'))

describe('the one rule for giving', () => {
  test('nobody gives what is outside their organization’s entitlement', () => {
    fc.assert(
      fc.property(
        operations,
        operations,
        operations,
        fc.boolean(),
        (entitled, held, asked, mayGrantRoles) => {
          const giver = { mayGrantRoles, holds: (_: ServiceId, id: string) => held.includes(id) }
          const outside = outsideOfGiving(giver, shop, new Set(entitled), asked)
          const refused = new Set(outside.map(({ operationId }) => operationId))
          for (const id of asked) if (!entitled.includes(id)) expect(refused).toContain(id)
        },
      ),
    )
  })

  test('without the operation that grants roles, nobody gives an operation that they do not hold', () => {
    fc.assert(
      fc.property(operations, operations, operations, (entitled, held, asked) => {
        const giver = { mayGrantRoles: false, holds: (_: ServiceId, id: string) => held.includes(id) }
        const outside = outsideOfGiving(giver, shop, new Set(entitled), asked)
        const given = asked.filter((id) => !outside.some(({ operationId }) => operationId === id))
        for (const id of given) expect(held).toContain(id)
      }),
    )
  })

  test('what is entitled, and held or granted, is given', () => {
    const holder = { mayGrantRoles: false, holds: () => true }
    const granter = { mayGrantRoles: true, holds: () => false }
    for (const giver of [holder, granter])
      expect(outsideOfGiving(giver, shop, new Set(['a', 'b']), ['a', 'b'])).toEqual([])
  })

  test('says of each operation why it is not', () => {
    const giver = { mayGrantRoles: false, holds: () => false }
    expect(outsideOfGiving(giver, shop, new Set(['a']), ['a', 'b'])).toEqual([
      { operationId: 'a', reason: 'not_held' },
      { operationId: 'b', reason: 'outside_entitlement' },
    ])
  })
})
