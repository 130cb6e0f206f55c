import { describe, expect, test } from 'vitest'
import { replaceDocument } from '../../src/services/replace-document.ts'
import {
  type ResourceRules,
  resourceRulesOf,
  setResourceRules,
} from '../../src/services/set-resource-rules.ts'
import { confirmationOf, createShop } from './create-shop.ts'
import { deployment, shopDocument } from './deployment.ts'

/** The shop with an order by its id, on which it is said what the resource is. */
function withOrder(more: object = {}): Uint8Array {
  return shopDocument((doc) => {
    doc.paths['/orders/{order}/lines/{line}'] = {
      parameters: ['order', 'line'].map((name) => ({
        ...{ name, in: 'path', required: true, schema: { type: 'string' } },
      })),
      get: { operationId: 'getLine', responses: { 200: { description: 'ok' } }, ...more },
    }
  })
}

async function shopOfOrders() {
  const d = await deployment()
  await createShop(d, { document: withOrder() })
  const set = (rules: ResourceRules & { confirmation?: string }, owner = d.operatorId) =>
    setResourceRules(d.deps, d.by, owner, 'shop', rules)
  return { d, set }
}

describe('who knows the resources of a service', () => {
  test('is the API itself, until its owner says that Latchkey does', async () => {
    const { d, set } = await shopOfOrders()
    expect(resourceRulesOf((await set({ resources: 'latchkey' })).service.model)).toEqual({
      resources: 'latchkey',
      sharedWithAnyone: false,
    })
    expect(await d.eventTypes(d.operatorId)).toEqual(['service.changed', 'service.created'])
    const other = set({ resources: 'api' }, d.deps.newId('org'))
    await expect(other).rejects.toMatchObject({ code: 'service_not_found' })
  })

  test('is not told by documents: a new version keeps it', async () => {
    const { d, set } = await shopOfOrders()
    await set({ resources: 'latchkey', sharedWithAnyone: true })
    const document = withOrder({ summary: 'One line' })
    const { service } = await replaceDocument(d.deps, d.by, 'shop', { document })
    expect(resourceRulesOf(service.model)).toEqual({ resources: 'latchkey', sharedWithAnyone: true })
    const again = await replaceDocument(d.deps, d.by, 'shop', { document })
    expect(again.service.version).toBe(service.version)
  })

  test('needs a confirmation where owners are no longer asked for', async () => {
    const { set } = await shopOfOrders()
    await set({ resources: 'latchkey' })
    const asked: unknown = await set({ resources: 'api' }).catch((cause: unknown) => cause)
    expect(asked).toMatchObject({
      code: 'confirmation_required',
      data: { changes: { ownership_check_lost: ['getOrder', 'deleteOrder', 'getLine'] } },
    })
    const confirmation = await confirmationOf(() => set({ resources: 'api' }))
    const { service } = await set({ resources: 'api', confirmation })
    expect(resourceRulesOf(service.model).resources).toBe('api')
  })

  test('needs one, too, where a document names another resource than before', async () => {
    const { d, set } = await shopOfOrders()
    await set({ resources: 'latchkey' })
    const document = withOrder({ 'x-latchkey-resource': 'order' })
    await expect(replaceDocument(d.deps, d.by, 'shop', { document })).rejects.toMatchObject({
      data: { changes: { ownership_check_lost: ['getLine'] } },
    })
  })
})
