import { describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { logoBytesMax } from '../../src/services/logo.ts'
import { json, problem } from '../http/serving.ts'
import { createShop } from './create-shop.ts'
import { shopDocument } from './deployment.ts'
import { served } from './served.ts'

const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(20)])
const jpeg = Buffer.from('\xff\xd8\xff\xe0 rest', 'latin1')
const webp = Buffer.from('RIFF\x10\0\0\0WEBPVP8 rest', 'latin1')
const path = '/services/shop/sign-in'

async function shop() {
  const s = await served()
  await createShop(s)
  const patch = (body: unknown, headers: Record<string, string> = {}) => {
    const sent = json('PATCH', body)
    return s.call(path, { ...sent, headers: { ...sent.headers, ...headers } })
  }
  const logo = (bytes: Uint8Array) =>
    patch({ brand: { logo: { base64: Buffer.from(bytes).toString('base64') } } })
  return { ...s, patch, logo }
}

describe('how people and apps sign in at a service', () => {
  test('has safe defaults', async () => {
    const s = await shop()
    const answer = await s.call(path)
    expect(answer.headers.get('etag')).toBe('"1"')
    expect(await answer.json()).toEqual({
      brand: { name: null, colour: null, logo: null },
      security_profile: 'none',
      pkce: 'required',
      registration: 'off',
      client_id_metadata_documents: false,
      authorize_by_post: false,
      acr_values: [],
      password_acr: null,
      require_pushed_requests: false,
      require_dpop: false,
      conformance_exempt_pkce_client_ids: [],
      session_idle_seconds: 28_800,
      session_absolute_seconds: 604_800,
      refresh_token_seconds: 2_592_000,
    })
  })

  test('is changed a setting at a time, each change told with old and new', async () => {
    const s = await shop()
    await s.patch({ registration: 'open', acr_values: ['urn:example:strong'] })
    const changed = await s.patch({ brand: { name: 'The Shop', colour: '#0B6B3A' } })
    expect(changed.headers.get('etag')).toBe('"3"')
    expect(await changed.json()).toMatchObject({
      brand: { name: 'The Shop', colour: '#0b6b3a' },
      registration: 'open',
      acr_values: ['urn:example:strong'],
    })
    const events = await s.store.records.list(s.operatorId, auditEvents, 'type', 'service.sign_in_changed', {
      limit: 10,
    })
    expect(events.map(({ details }) => details)).toContainEqual({
      registration: { before: 'off', after: 'open' },
      acr_values: { before: [], after: ['urn:example:strong'] },
    })
  })

  test('is not changed by what it already is', async () => {
    const s = await shop()
    expect((await s.patch({ pkce: 'required', brand: {} })).headers.get('etag')).toBe('"1"')
    expect(await s.eventTypes(s.operatorId)).toEqual(['service.created'])
  })

  test('loses a part of its brand to null', async () => {
    const s = await shop()
    await s.patch({ brand: { name: 'The Shop', colour: '#ffffff' } })
    expect(await (await s.patch({ brand: { name: null } })).json()).toMatchObject({
      brand: { name: null, colour: '#ffffff' },
    })
  })

  test('is changed only from the version that was seen', async () => {
    const s = await shop()
    expect((await s.patch({ require_dpop: true }, { 'If-Match': '"9"' })).status).toBe(412)
    expect((await s.patch({ require_dpop: true }, { 'If-Match': '"1"' })).status).toBe(200)
  })

  test('stays as it is when the document or the service changes', async () => {
    const s = await shop()
    await s.patch({ brand: { name: 'The Shop' }, session_idle_seconds: 600 })
    const document = shopDocument((doc) => {
      doc.info.title = 'Renamed'
    })
    expect((await s.put('PUT', '/services/shop/document', document)).status).toBe(200)
    expect((await s.call('/services/shop', json('PATCH', { access_token_ttl_seconds: 60 }))).status).toBe(200)
    expect((await s.call('/services/shop/signing-keys/rotate', json('POST', {}))).status).toBe(200)
    expect(await (await s.call(path)).json()).toMatchObject({
      brand: { name: 'The Shop' },
      session_idle_seconds: 600,
    })
  })

  test.each([
    [{ brand: { colour: 'red' } }, '/brand/colour'],
    [{ brand: { colour: '#fff' } }, '/brand/colour'],
    [{ brand: { name: ' ' } }, '/brand/name'],
    [{ brand: { name: 'Sh\u202eop' } }, '/brand/name'],
    [{ brand: { logo: { base64: 'not base64!' } } }, '/brand/logo/base64'],
    [{ brand: { slogan: 'Buy' } }, '/brand/slogan'],
    [{ pkce: 'plain' }, '/pkce'],
    [{ registration: true }, '/registration'],
    [{ acr_values: ['a b'] }, '/acr_values/0'],
    [{ acr_values: ['a'], password_acr: 'b' }, '/password_acr'],
    [{ security_profile: 'fapi_2_0', require_dpop: true }, '/require_pushed_requests'],
    [{ security_profile: 'fapi_2_0', require_pushed_requests: true }, '/require_dpop'],
    [{ session_idle_seconds: 604_801 }, '/session_idle_seconds'],
    [{ session_absolute_seconds: 59 }, '/session_absolute_seconds'],
    [{ refresh_token_seconds: 0.5 }, '/refresh_token_seconds'],
    [{ pkce_required: false }, '/pkce_required'],
  ])('refuses %j at its place', async (body, pointer) => {
    const s = await shop()
    const answer = await s.patch(body)
    expect(answer.status).toBe(400)
    expect(await problem(answer)).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
  })

  test('names every fault at once', async () => {
    const s = await shop()
    const answer = await s.patch({ brand: { colour: 'red' }, pkce: 'plain' })
    expect((await problem(answer))['errors']).toHaveLength(2)
  })
})

describe('a logo', () => {
  test.each([
    ['image/png', png],
    ['image/jpeg', jpeg],
    ['image/webp', webp],
  ])('is %s by its first bytes', async (mediaType, bytes) => {
    const s = await shop()
    expect(await (await s.logo(bytes)).json()).toMatchObject({
      brand: { logo: { media_type: mediaType, path: '/shop/logo' } },
    })
  })

  test.each([
    ['SVG, which may carry script', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['a page', Buffer.from('<!doctype html>')],
    ['GIF', Buffer.from('GIF89a')],
    ['RIFF that is sound', Buffer.from('RIFF\x10\0\0\0WAVEfmt ')],
    ['nothing', Buffer.alloc(0)],
    ['a picture of more than 256 KiB', Buffer.concat([png, Buffer.alloc(logoBytesMax)])],
  ])('is never %s', async (_what, bytes) => {
    const s = await shop()
    const answer = await s.logo(bytes)
    expect(answer.status).toBe(400)
    expect(await problem(answer)).toMatchObject({ errors: [{ pointer: '/brand/logo/base64' }] })
  })

  test('may have 256 KiB', async () => {
    const s = await shop()
    expect((await s.logo(Buffer.concat([png, Buffer.alloc(logoBytesMax - png.length)]))).status).toBe(200)
  })

  test('is told by its hash in the audit trail, not by its bytes', async () => {
    const s = await shop()
    await s.logo(png)
    const [event] = await s.store.records.list(s.operatorId, auditEvents, 'type', 'service.sign_in_changed', {
      limit: 1,
    })
    expect(event?.details).toEqual({
      brand_logo_sha256: { before: null, after: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
  })
})
