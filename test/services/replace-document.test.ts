import { describe, expect, test } from 'vitest'
import { getService } from '../../src/services/find-service.ts'
import { replaceDocument, replaceSystemDocument } from '../../src/services/replace-document.ts'
import { services } from '../../src/services/service.ts'
import { getCurrentDocument, unpackDocument } from '../../src/services/service-document.ts'
import type { RolesNotFitting } from '../../src/services/unfit-roles.ts'
import { update } from '../../src/storage/ports.ts'
import { confirmationOf, createShop } from './create-shop.ts'
import { deployment, shopDocument } from './deployment.ts'

const withRefunds = shopDocument((doc) => {
  doc.paths['/orders/{order}/refunds'] = {
    parameters: doc.paths['/orders/{order}'].parameters,
    post: {
      operationId: 'refundOrder',
      security: [{ oauth: ['orders:write'] }],
      responses: { 200: { description: 'refunded' } },
    },
  }
})

describe('replaceDocument', () => {
  test('shows what roles gain, then follows the confirmed document', async () => {
    const d = await deployment()
    await createShop(d)
    const replace = (confirmation?: string) =>
      replaceDocument(d.deps, d.by, 'shop', { document: withRefunds, confirmation })
    const error = await replace().catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'confirmation_required',
      data: {
        changes: {
          operations_added: ['refundOrder'],
          newly_public: [],
          roles: [
            { role: 'orders:write', gains: ['refundOrder'], loses: [] },
            { role: 'admin', gains: ['refundOrder'], loses: [] },
          ],
        },
      },
    })
    const { service } = await replace(await confirmationOf(replace))
    expect(service).toMatchObject({ documentVersion: 2, version: 2 })
    const stored = await getService(d.deps.records, 'shop')
    expect(stored).toEqual(service)
    const document = await getCurrentDocument(d.deps.records, stored)
    expect(Buffer.compare(await unpackDocument(document), withRefunds)).toBe(0)
  })

  test('shows which roles of organizations no longer fit, and needs a confirmation for them', async () => {
    const d = await deployment()
    const { service } = await createShop(d)
    const role = { organizationId: d.operatorId, roleId: d.deps.newId('rol'), name: 'Desk' }
    const faults = [{ pointer: '/allow/0/where', detail: 'the document declares no $request:page' }]
    const asked: unknown[] = []
    const rolesNotFitting: RolesNotFitting = async (id, now, next) => {
      asked.push([id, now.model.operations.length, next.model.operations.length])
      return { roles: [{ ...role, faults }], others: 'not_listed' }
    }
    const document = shopDocument((doc) => {
      delete doc.paths['/health']
    })
    const replace = (confirmation?: string) =>
      replaceDocument({ ...d.deps, rolesNotFitting }, d.by, 'shop', { document, confirmation })
    await expect(replace()).rejects.toMatchObject({
      code: 'confirmation_required',
      data: {
        changes: {
          roles_unfit: [
            { organization_id: d.operatorId, role_id: role.roleId, name: 'Desk', errors: faults },
          ],
          more_roles_unfit: true,
        },
      },
    })
    expect(asked).toEqual([[service.id, 5, 4]])
    expect((await replace(await confirmationOf(replace))).service.documentVersion).toBe(2)
  })

  test('warns of conditions on tags that nobody knows yet', async () => {
    const d = await deployment()
    await createShop(d)
    const document = shopDocument((doc) => {
      const where = "$resourceTags:env = 'dev'"
      doc['x-latchkey-roles'] = { support: { allow: [{ operations: ['getOrder'], where }] } }
    })
    const replace = (confirmation?: string) =>
      replaceDocument(d.deps, d.by, 'shop', { document, confirmation })
    const { warnings } = await replace(await confirmationOf(replace))
    expect(warnings).toMatchObject([{ pointer: '/x-latchkey-roles/support' }])
  })

  test('takes no confirmation that was given on another base version', async () => {
    const d = await deployment()
    await createShop(d)
    const confirmation = await confirmationOf(() =>
      replaceDocument(d.deps, d.by, 'shop', { document: withRefunds }),
    )
    const other = shopDocument((doc) => {
      delete doc.paths['/health']
    })
    const confirmed = await confirmationOf(() => replaceDocument(d.deps, d.by, 'shop', { document: other }))
    await replaceDocument(d.deps, d.by, 'shop', { document: other, confirmation: confirmed })
    await expect(
      replaceDocument(d.deps, d.by, 'shop', { document: withRefunds, confirmation }),
    ).rejects.toMatchObject({ code: 'confirmation_required' })
  })

  test('needs no confirmation where nobody may do more or less', async () => {
    const d = await deployment()
    await createShop(d)
    const document = shopDocument((doc) => {
      doc.info.title = 'Shop, renamed'
    })
    const { service } = await replaceDocument(d.deps, d.by, 'shop', { document })
    expect(service).toMatchObject({ title: 'Shop, renamed', documentVersion: 2 })
  })

  test('with the document that is there changes nothing', async () => {
    const d = await deployment()
    await createShop(d)
    const { service } = await replaceDocument(d.deps, d.by, 'shop', { document: shopDocument() })
    expect(service.documentVersion).toBe(1)
    expect(await d.eventTypes(d.operatorId)).toEqual(['service.created'])
  })

  test('with the document that is there, of which an earlier version of the product read less, reads it anew', async () => {
    const d = await deployment()
    const { service: before } = await createShop(d)
    const [first, ...others] = before.model.operations
    if (first === undefined) throw new Error('the shop has operations')
    const { summary: _, ...less } = first
    const model = { ...before.model, operations: [{ ...less, request: { query: { old: {} } } }, ...others] }
    await d.store.commit([update(services, before, { ...before, model })])
    const { service } = await replaceDocument(d.deps, d.by, 'shop', { document: shopDocument() })
    expect(service.model).toEqual(before.model)
    expect(service.documentVersion).toBe(2)
  })

  test('with the document that is there, of whose responses an earlier version of the product kept nothing, keeps them', async () => {
    const d = await deployment()
    const { service: before } = await createShop(d)
    const { responses, ...older } = before
    await d.store.commit([update(services, before, older)])
    const { service } = await replaceDocument(d.deps, d.by, 'shop', { document: shopDocument() })
    expect(service.responses).toEqual(responses)
    expect(await getService(d.deps.records, 'shop')).toMatchObject({ responses, documentVersion: 2 })
  })

  test('asks again when the audience of tokens would change, unless it was given', async () => {
    const d = await deployment()
    await createShop(d)
    const document = shopDocument((doc) => {
      doc.servers[0].url = 'https://api2.shop.example'
    })
    await expect(replaceDocument(d.deps, d.by, 'shop', { document })).rejects.toMatchObject({
      data: {
        changes: { audience: { before: 'https://api.shop.example/v1', after: 'https://api2.shop.example' } },
      },
    })
  })

  test('is refused on a version that was not seen, and for the system service', async () => {
    const d = await deployment()
    const { service } = await createShop(d)
    await expect(
      replaceDocument(d.deps, d.by, 'shop', { document: withRefunds, ifMatch: 2 }),
    ).rejects.toMatchObject({ code: 'precondition_failed' })
    await d.store.commit([update(services, service, { ...service, kind: 'system' })])
    await expect(replaceDocument(d.deps, d.by, 'shop', { document: withRefunds })).rejects.toMatchObject({
      code: 'service_protected',
    })
    const system = await getService(d.deps.records, 'shop')
    const replaced = await replaceSystemDocument(d.deps, d.by, system, withRefunds)
    expect(replaced.service.documentVersion).toBe(2)
  })
})
