import { describe, expect, test } from 'vitest'
import { changeService } from '../../src/services/change-service.ts'
import { replaceDocument } from '../../src/services/replace-document.ts'
import { confirmationOf, createShop } from './create-shop.ts'
import { deployment, shopDocument } from './deployment.ts'

describe('changeService', () => {
  test('changes title and life of tokens, telling the old and the new', async () => {
    const d = await deployment()
    await createShop(d)
    const change = { title: 'The shop', accessTokenTtlSeconds: 60 }
    expect(await changeService(d.deps, d.by, 'shop', change)).toMatchObject({ ...change, version: 2 })
    expect(await d.eventTypes(d.operatorId)).toEqual(['service.changed', 'service.created'])
  })

  test('changes nothing where nothing differs', async () => {
    const d = await deployment()
    await createShop(d)
    expect((await changeService(d.deps, d.by, 'shop', { title: 'Shop' })).version).toBe(1)
    expect(await d.eventTypes(d.operatorId)).toEqual(['service.created'])
  })

  test('asks before it changes the audience; a given one outlives later documents', async () => {
    const d = await deployment()
    await createShop(d)
    const audience = 'https://shop.example'
    const change = (confirmation?: string) => changeService(d.deps, d.by, 'shop', { audience, confirmation })
    await change(await confirmationOf(change))
    const document = shopDocument((doc) => {
      doc.servers[0].url = 'https://elsewhere.example'
      doc.paths['/orders'].get.summary = 'All orders'
    })
    expect((await replaceDocument(d.deps, d.by, 'shop', { document })).service.audience).toBe(audience)
  })

  test.each([
    'api.example.com',
    '/v1',
    'ftp://api.example.com',
    'https://api.example.com/#part',
    'https://user@api.example.com',
  ])('refuses the audience %s', async (audience) => {
    const d = await deployment()
    await createShop(d)
    await expect(changeService(d.deps, d.by, 'shop', { audience })).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [{ pointer: '/audience' }],
    })
  })

  test.each([59, 86_401])('refuses a token life of %d seconds', async (accessTokenTtlSeconds) => {
    const d = await deployment()
    await createShop(d)
    await expect(changeService(d.deps, d.by, 'shop', { accessTokenTtlSeconds })).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [{ pointer: '/access_token_ttl_seconds' }],
    })
  })

  test('is refused on a version that was not seen', async () => {
    const d = await deployment()
    await createShop(d)
    await expect(changeService(d.deps, d.by, 'shop', { title: 'x', ifMatch: 9 })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
  })
})
