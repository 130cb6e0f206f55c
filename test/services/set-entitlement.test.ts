import { describe, expect, test } from 'vitest'
import { createService } from '../../src/services/create-service.ts'
import { services } from '../../src/services/service.ts'
import { clearEntitlement, getEntitlement, setEntitlement } from '../../src/services/set-entitlement.ts'
import { update } from '../../src/storage/ports.ts'
import { confirmationOf, createShop } from './create-shop.ts'
import { deployment, shopDocument } from './deployment.ts'

describe('an entitlement', () => {
  test('is all that is grantable, unless set; and again once cleared', async () => {
    const d = await deployment()
    await createShop(d)
    const { id } = await d.addCustomer('clinic')
    expect((await getEntitlement(d.deps, id, 'shop')).roles).toEqual(['orders:read', 'orders:write'])
    await setEntitlement(d.deps, d.by, id, 'shop', { roles: ['orders:read'] })
    expect((await getEntitlement(d.deps, id, 'shop')).roles).toEqual(['orders:read'])
    await setEntitlement(d.deps, d.by, id, 'shop', { roles: [] })
    expect((await getEntitlement(d.deps, id, 'shop')).roles).toEqual([])
    await clearEntitlement(d.deps, d.by, id, 'shop')
    expect((await getEntitlement(d.deps, id, 'shop')).roles).toEqual(['orders:read', 'orders:write'])
    expect(await d.eventTypes(id)).toEqual(Array.from({ length: 3 }, () => 'entitlement.changed'))
  })

  test('holds no role that is for the operator alone', async () => {
    const d = await deployment()
    await createShop(d)
    const { id } = await d.addCustomer('clinic')
    await expect(
      setEntitlement(d.deps, d.by, id, 'shop', { roles: ['orders:read', 'admin'] }),
    ).rejects.toMatchObject({ code: 'role_not_grantable', faults: [{ pointer: '/roles/1' }] })
  })

  test('tells every unknown role with its place and the nearest right spelling', async () => {
    const d = await deployment()
    await createShop(d)
    const { id } = await d.addCustomer('clinic')
    await expect(
      setEntitlement(d.deps, d.by, id, 'shop', { roles: ['order:read', 'orders:read', 'zebra'] }),
    ).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [{ pointer: '/roles/0', fix: 'did you mean orders:read?' }, { pointer: '/roles/2' }],
    })
  })

  test('of the operator cannot be set: it has every role', async () => {
    const d = await deployment()
    await createShop(d)
    await expect(setEntitlement(d.deps, d.by, d.operatorId, 'shop', { roles: [] })).rejects.toMatchObject({
      code: 'organization_protected',
    })
  })

  test('has guard on the system service only for an organization that owns a service', async () => {
    const d = await deployment()
    const document = shopDocument((doc) => {
      doc['x-latchkey-roles'] = {
        guard: { grantable: true, in_default_entitlement: false, allow: [{ operations: ['getOrder'] }] },
      }
    })
    const { service } = await createShop(d, { document })
    await d.store.commit([update(services, service, { ...service, kind: 'system' })])
    const { id } = await d.addCustomer('clinic')
    expect((await getEntitlement(d.deps, id, 'shop')).roles).not.toContain('guard')
    const grant = () => setEntitlement(d.deps, d.by, id, 'shop', { roles: ['guard'] })
    await expect(grant()).rejects.toMatchObject({ code: 'role_not_grantable' })
    const own = { organizationId: id, slug: 'own-shop', document: shopDocument() }
    const confirmation = await confirmationOf(() => createService(d.deps, d.by, own))
    await createService(d.deps, d.by, { ...own, confirmation })
    expect((await grant()).roles).toEqual(['guard'])
  })

  test('is refused on a version that was not seen', async () => {
    const d = await deployment()
    await createShop(d)
    const { id } = await d.addCustomer('clinic')
    await setEntitlement(d.deps, d.by, id, 'shop', { roles: [] })
    await expect(
      setEntitlement(d.deps, d.by, id, 'shop', { roles: ['orders:read'], ifMatch: 7 }),
    ).rejects.toMatchObject({ code: 'precondition_failed' })
  })
})
