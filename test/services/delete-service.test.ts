import { describe, expect, test } from 'vitest'
import { revocations } from '../../src/revocations/revocation.ts'
import { deleteService } from '../../src/services/delete-service.ts'
import { entitlements } from '../../src/services/entitlement.ts'
import { findService } from '../../src/services/find-service.ts'
import { services } from '../../src/services/service.ts'
import { serviceDocuments } from '../../src/services/service-document.ts'
import { setEntitlement } from '../../src/services/set-entitlement.ts'
import { update } from '../../src/storage/ports.ts'
import { createShop } from './create-shop.ts'
import { deployment } from './deployment.ts'

async function shopToDelete() {
  const d = await deployment()
  const { service } = await createShop(d)
  const customer = await d.addCustomer('clinic')
  await setEntitlement(d.deps, d.by, customer.id, 'shop', { roles: ['orders:read'] })
  const tidied: string[] = []
  const deps = {
    ...d.deps,
    serviceContents: [
      {
        what: 'client keys',
        count: async () => 3,
        tidy: async () => {
          tidied.push((await findService(d.deps.records, 'shop')) === undefined ? 'after' : 'before')
        },
      },
    ],
  }
  return { ...d, deps, service, customer, tidied }
}

describe('deleteService', () => {
  test('says first what goes with it, and does nothing without the slug', async () => {
    const d = await shopToDelete()
    for (const confirm of [undefined, 'shopp'])
      await expect(deleteService(d.deps, d.by, 'shop', { confirm })).rejects.toMatchObject({
        code: 'confirmation_required',
        data: {
          goes_with_it: [
            { what: 'signing keys', count: 1 },
            { what: 'versions of the document', count: 1 },
            { what: 'entitlements', count: 1 },
            { what: 'client keys', count: 3 },
          ],
          confirm: 'shop',
        },
      })
    expect(await findService(d.deps.records, 'shop')).toBeDefined()
  })

  test('ends its signing keys in the same commit, then tidies what belonged to it', async () => {
    const d = await shopToDelete()
    await deleteService(d.deps, d.by, 'shop', { confirm: 'shop' })
    expect(await findService(d.deps.records, d.service.id)).toBeUndefined()
    const ended = await d.store.records.list(d.operatorId, revocations, 'all', '', { limit: 10 })
    expect(ended).toMatchObject([{ ended: { kind: 'signing_key', kid: d.service.signingKeys[0]?.id } }])
    expect(d.tidied).toEqual(['after'])
    expect(await d.store.records.find(d.customer.id, entitlements, d.service.id)).toBeUndefined()
    const documents = await d.store.records.list(d.operatorId, serviceDocuments, 'service', d.service.id, {
      limit: 10,
    })
    expect(documents).toEqual([])
    expect(await d.eventTypes(d.operatorId)).toEqual([
      'service.created',
      'service.deleted',
      'service.document_removed',
    ])
  })

  test('frees the slug for another', async () => {
    const d = await shopToDelete()
    await deleteService(d.deps, d.by, 'shop', { confirm: 'shop' })
    const { service } = await createShop(d)
    expect(service.id).not.toBe(d.service.id)
  })

  test('never touches the system service', async () => {
    const d = await shopToDelete()
    await d.store.commit([update(services, d.service, { ...d.service, kind: 'system' })])
    await expect(deleteService(d.deps, d.by, 'shop', { confirm: 'shop' })).rejects.toMatchObject({
      code: 'service_protected',
    })
  })
})
