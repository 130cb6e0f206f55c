import { describe, expect, test } from 'vitest'
import { changesBetween, needsConfirmation, presentChanges } from '../../src/services/document-changes.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { shopDocument } from './deployment.ts'

type Change = Parameters<typeof shopDocument>[0]

async function changesOf(change: Change, from: Change = () => {}) {
  return changesBetween(await readDocument(shopDocument(from)), await readDocument(shopDocument(change)))
}

describe('what a new version changes', () => {
  test('is told as not seen whole where more roles of organizations may no longer fit than were looked at', async () => {
    const changes = await changesOf(() => {})
    expect(presentChanges(changes)).not.toHaveProperty('more_roles_unfit')
    const seen = { ...changes, unfit: { roles: [], others: 'not_looked_at' as const } }
    expect(presentChanges(seen)).toMatchObject({
      ...{ roles_unfit: [], more_roles_unfit: true, roles_not_looked_at: true },
    })
    expect([needsConfirmation(changes), needsConfirmation(seen)]).toEqual([false, true])
  })

  test('an operation that anybody may call from now on', async () => {
    const changes = await changesOf((doc) => {
      doc.paths['/orders'].get.security = [{}, { oauth: ['orders:read'] }]
    })
    expect(changes.newlyPublic).toEqual(['listOrders'])
    expect(needsConfirmation(changes)).toBe(true)
  })

  test('an operation that keeps its id and becomes another request', async () => {
    const changes = await changesOf((doc) => {
      doc.paths['/orders'].get.operationId = 'wasList'
      doc.paths['/orders/{order}'].delete.operationId = 'listOrders'
    })
    expect(changes.operationsMoved).toEqual([
      { id: 'listOrders', before: 'GET /orders', after: 'DELETE /orders/{order}' },
    ])
    expect(needsConfirmation(changes)).toBe(true)
  })

  test('an operation whose organization is no longer compared', async () => {
    const withOwner: Change = (doc) => {
      doc.paths['/orders/{order}'].get['x-latchkey-organization'] = 'order'
    }
    const changes = await changesOf(() => {}, withOwner)
    expect(changes.ownershipCheckLost).toEqual(['getOrder'])
    expect(needsConfirmation(changes)).toBe(true)
  })

  test('a role that goes, and what its holders lose', async () => {
    const changes = await changesOf((doc) => {
      delete doc.components.securitySchemes.oauth.flows.clientCredentials.scopes['orders:write']
      doc.paths['/orders'].post.security = [{ oauth: ['orders:read'] }]
      delete doc.paths['/orders/{order}'].delete
    })
    expect(changes.rolesRemoved).toEqual(['orders:write'])
    expect(changes.roles).toContainEqual({
      name: 'orders:write',
      gains: [],
      loses: ['createOrder', 'deleteOrder'],
      ...{ widened: [], narrowed: [], becomes: [] },
    })
  })

  test('a role that customers may hold from now on', async () => {
    const role = (grantable: boolean): Change => {
      return (doc) => {
        doc['x-latchkey-roles'] = { support: { grantable, allow: [{ operations: ['getOrder'] }] } }
      }
    }
    const changes = await changesOf(role(true), role(false))
    expect(changes.roles).toEqual([
      {
        ...{ name: 'support', gains: [], loses: [], widened: [], narrowed: [] },
        becomes: ['grantable', 'in_default_entitlement'],
      },
    ])
    expect(needsConfirmation(changes)).toBe(true)
  })

  test.each([
    ['a condition more', {}, { where: "$principal:kind = 'key'" }, { widened: [], narrowed: ['listOrders'] }],
    ['a condition less', { where: "$principal:kind = 'key'" }, {}, { widened: ['listOrders'], narrowed: [] }],
    [
      'another condition',
      { where: "$principal:kind = 'key'" },
      { where: "$principal:kind = 'user'" },
      { widened: ['listOrders'], narrowed: ['listOrders'] },
    ],
  ])('how far a role goes: %s', async (_, before, after, expected) => {
    const role = (limits: object): Change => {
      return (doc) => {
        doc['x-latchkey-roles'] = { support: { allow: [{ operations: ['listOrders'], ...limits }] } }
      }
    }
    const changes = await changesOf(role(after), role(before))
    expect(changes.roles).toEqual([{ name: 'support', gains: [], loses: [], becomes: [], ...expected }])
    expect(needsConfirmation(changes)).toBe(true)
  })

  test('what a role shows of responses', async () => {
    const role = (filter: unknown): Change => {
      return (doc) => {
        doc['x-latchkey-roles'] = { support: { allow: [{ operations: ['listOrders'] }], filter } }
      }
    }
    const changes = await changesOf(() => {}, role([{ operations: ['listOrders'], fields: ['items.id'] }]))
    expect(changes.rolesRemoved).toEqual(['support'])
    const wider = await changesOf(
      role([{ operations: ['listOrders'], fields: ['items'] }]),
      role([{ operations: ['listOrders'], fields: ['items.id'] }]),
    )
    expect(wider.roles).toMatchObject([{ name: 'support', widened: ['listOrders'], narrowed: [] }])
  })

  test('nothing, where only words change', async () => {
    const changes = await changesOf((doc) => {
      doc.paths['/orders'].get.summary = 'All orders'
    })
    expect(needsConfirmation(changes)).toBe(false)
  })
})
