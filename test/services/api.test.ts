import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { apiDocument } from '../../src/http/openapi.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { json, problem } from '../http/serving.ts'
import { createShop } from './create-shop.ts'
import { shopDocument } from './deployment.ts'
import { served } from './served.ts'

const Made = z.looseObject({ id: z.string() })
const Page = z.object({
  items: z.array(z.looseObject({ id: z.string().optional(), slug: z.string().optional() })),
  next_cursor: z.string().nullable(),
})

describe('services under /api/v1', () => {
  test('are made in two calls: the changes first, then with their confirmation', async () => {
    const s = await served()
    const asked = await s.put('POST', '/services?slug=shop', shopDocument())
    expect(asked.status).toBe(409)
    const told = await problem(asked)
    expect(told).toMatchObject({
      code: 'confirmation_required',
      changes: { newly_public: ['getHealth'], audience: null },
    })
    const path = `/services?slug=shop&confirmation=${told['confirmation']}`
    const made = await s.put('POST', path, gzipSync(shopDocument()), { 'Content-Encoding': 'gzip' })
    expect(made.status).toBe(201)
    expect(made.headers.get('etag')).toBe('"1"')
    const body = Made.parse(await made.json())
    expect(body).toMatchObject({
      id: expect.stringMatching(/^svc_/),
      organization_id: s.operatorId,
      slug: 'shop',
      signing_keys: [{ algorithm: 'ES256', state: 'active', ends_at: null }],
      operation_count: 5,
      created_at: '2030-01-01T12:00:00.000Z',
      warnings: [],
    })
    expect(JSON.stringify(body)).not.toContain('sealed')
    expect(made.headers.get('location')).toBe(`/api/v1/services/${body.id}`)
    expect(await (await s.call(`/services/${body.id}`)).json()).toMatchObject({ slug: 'shop' })
  })

  test('tell every fault of a document with its place', async () => {
    const s = await served()
    const document = shopDocument((doc) => {
      doc.paths['/orders'].get.security = [{ nobody: [] }]
      doc['x-latchkey-roles'] = { rol_1: {} }
    })
    const answer = await s.put('POST', '/services?slug=shop', document)
    expect(answer.status).toBe(422)
    const { errors } = await problem(answer)
    expect(errors).toMatchObject([
      { pointer: '/paths/~1orders/get/security/0/nobody' },
      { pointer: '/x-latchkey-roles/rol_1' },
    ])
  })

  test.each([
    ['slug=api', 'slug_reserved'],
    ['slug=S', 'invalid_request'],
    ['', 'invalid_request'],
    ['slug=shop&slug=shop', 'invalid_request'],
    ['slug=shop&signing_algorithm=HS256', 'invalid_request'],
    ['slug=shop&access_token_ttl_seconds=1e9', 'invalid_request'],
    ['slug=shop&organization_id=org_1', 'organization_not_found'],
    ['slug=sh%00op', 'invalid_request'],
  ])('refuse ?%s with %s', async (query, code) => {
    const s = await served()
    const answer = await s.put('POST', `/services?${query}`, shopDocument())
    expect(answer.status).toBeLessThan(500)
    expect(await problem(answer)).toMatchObject({ code })
  })

  test('give back the document as it was sent', async () => {
    const s = await served()
    await createShop(s)
    const answer = await s.call('/services/shop/document')
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(Buffer.from(await answer.arrayBuffer()).equals(shopDocument())).toBe(true)
  })

  test('follow a new document, only from the version that was seen', async () => {
    const s = await served()
    await createShop(s)
    const document = shopDocument((doc) => {
      doc.info.title = 'Renamed'
    })
    const late = await s.put('PUT', '/services/shop/document', document, { 'If-Match': '"9"' })
    expect(late.status).toBe(412)
    const done = await s.put('PUT', '/services/shop/document', document, { 'If-Match': '"1"' })
    expect(await done.json()).toMatchObject({ title: 'Renamed', document_version: 2, changes: { roles: [] } })
  })

  test('list operations and roles a page at a time', async () => {
    const s = await served()
    await createShop(s)
    const first = Page.parse(await (await s.call('/services/shop/operations?limit=3')).json())
    expect(first.items.map(({ id }) => id)).toEqual(['getHealth', 'listOrders', 'createOrder'])
    const rest = await (await s.call(`/services/shop/operations?cursor=${first.next_cursor}`)).json()
    expect(rest).toMatchObject({ items: [{ id: 'getOrder' }, { id: 'deleteOrder' }], next_cursor: null })
    const roles = Page.parse(await (await s.call('/services/shop/roles')).json())
    expect(roles.items).toContainEqual({
      name: 'orders:write',
      description: 'Change orders',
      grantable: true,
      in_default_entitlement: true,
      delegable: true,
      any_organization: false,
      include: [],
      operations: ['createOrder', 'deleteOrder'],
    })
  })

  test('are listed a page at a time, each once', async () => {
    const s = await served()
    for (const slug of ['one', 'two', 'three']) await createShop(s, { slug })
    const seen: unknown[] = []
    for (let cursor = ''; ; ) {
      const page = Page.parse(await (await s.call(`/services?limit=2${cursor}`)).json())
      seen.push(...page.items.map(({ slug }) => slug))
      if (page.next_cursor === null) break
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`
    }
    expect(seen.sort()).toEqual(['one', 'three', 'two'])
    expect((await s.call('/services?cursor=zzz')).status).toBe(400)
  })

  test('are deleted by the slug typed again', async () => {
    const s = await served()
    await createShop(s)
    expect(await problem(await s.call('/services/shop', { method: 'DELETE' }))).toMatchObject({
      code: 'confirmation_required',
      confirm: 'shop',
    })
    expect((await s.call('/services/shop?confirm=shop', { method: 'DELETE' })).status).toBe(204)
    expect((await s.call('/services/shop')).status).toBe(404)
  })

  test('rotate their signing key, and say when the next step can be taken', async () => {
    const s = await served()
    await createShop(s)
    const rotate = () => s.call('/services/shop/signing-keys/rotate', json('POST', {}))
    expect(await (await rotate()).json()).toMatchObject({ signing_keys: [{}, { state: 'next' }] })
    expect(await problem(await rotate())).toMatchObject({
      code: 'already_done',
      retry_at: '2030-01-01T12:05:00.000Z',
    })
  })

  test('are shown to an organization with what it may use of them', async () => {
    const s = await served()
    await createShop(s)
    const { id } = await s.addCustomer('clinic')
    const set = await s.call(`/services/shop/entitlements/${id}`, json('PUT', { roles: ['orders:read'] }))
    expect(await set.json()).toMatchObject({ organization_id: id, set: true, roles: ['orders:read'] })
    const usable = { slug: 'shop', roles: [{ name: 'orders:read', operations: ['listOrders', 'getOrder'] }] }
    expect(await (await s.call(`/organizations/${id}/services`)).json()).toMatchObject({ items: [usable] })
    expect(await (await s.call(`/organizations/${id}/services/shop`)).json()).toMatchObject(usable)
    await s.call(`/services/shop/entitlements/${id}`, json('PUT', { roles: [] }))
    expect(await (await s.call(`/organizations/${id}/services`)).json()).toMatchObject({ items: [] })
    expect((await s.call(`/organizations/${id}/services/shop`)).status).toBe(404)
  })

  test('are described by a document that is read without a fault', async () => {
    const { routes } = await served()
    const document = apiDocument({ routes, origin: 'https://latchkey.example', version: '1.0.0' })
    const { model } = await readDocument(JSON.stringify(document))
    expect(model.operations.map(({ id }) => id).sort()).toEqual(
      routes.map(({ operationId }) => operationId).sort(),
    )
    expect(model.roles.find(({ name }) => name === 'organization-admin')?.allow).toEqual([
      { operations: ['listUsableServices', 'getUsableService', 'setResourceRules'] },
    ])
  })
})
