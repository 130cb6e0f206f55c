import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ServiceId } from '../../src/ids.ts'
import { outsideOfGiving } from '../../src/services/giving.ts'

const shop = 'svc_00000000000000000000000001' as ServiceId
/** An operation without any limit. */
const whole = (operationId: string) => ({ operationId, limits: {} })
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
          const outside = outsideOfGiving(giver, shop, new Set(entitled), asked.map(whole))
          const refused = new Set(outside.map(({ given }) => given.operationId))
          for (const id of asked) if (!entitled.includes(id)) expect(refused).toContain(id)
        },
      ),
    )
  })

  test('without the operation that grants roles, nobody gives an operation that they do not hold', () => {
    fc.assert(
      fc.property(operations, operations, operations, (entitled, held, asked) => {
        const giver = { mayGrantRoles: false, holds: (_: ServiceId, id: string) => held.includes(id) }
        const outside = outsideOfGiving(giver, shop, new Set(entitled), asked.map(whole))
        const given = asked.filter((id) => !outside.some((one) => one.given.operationId === id))
        for (const id of given) expect(held).toContain(id)
      }),
    )
  })

  test('what is entitled, and held or granted, is given', () => {
    const holder = { mayGrantRoles: false, holds: () => true }
    const granter = { mayGrantRoles: true, holds: () => false }
    for (const giver of [holder, granter])
      expect(outsideOfGiving(giver, shop, new Set(['a', 'b']), ['a', 'b'].map(whole))).toEqual([])
  })

  test('says of each operation why it is not', () => {
    const giver = { mayGrantRoles: false, holds: () => false }
    expect(outsideOfGiving(giver, shop, new Set(['a']), ['a', 'b'].map(whole))).toEqual([
      { given: whole('a'), reason: 'not_held' },
      { given: whole('b'), reason: 'outside_entitlement' },
    ])
  })
})
