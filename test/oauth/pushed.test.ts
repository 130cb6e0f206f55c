import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { services } from '../../src/services/service.ts'
import { appOf, appUri, ask, authorize, signIn } from './app.ts'
import { Browser } from './browser.ts'
import { basic, type IssuedKey, startWorld, type World } from './fixture.ts'

let world: World
let app: IssuedKey
let config: client.Configuration
beforeEach(async () => {
  world = await startWorld()
  await world.addUser()
  app = await world.addKey({ redirectUris: [appUri] })
  config = await appOf(world, app)
})
afterEach(async () => {
  vi.useRealTimers()
  await world.stop()
})

async function push(parameters: Record<string, string> | string, by: Record<string, string> = basic(app)) {
  const response = await fetch(`${world.issuer}/oauth/par`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...by },
    body: typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString(),
  })
  const body: unknown = await response.json()
  return { status: response.status, body: typeof body === 'object' && body !== null ? { ...body } : {} }
}

describe('pushed authorization requests (RFC 9126)', () => {
  test('carry the whole request, and the browser only a reference to it', async () => {
    const { parameters, checks } = await ask(config)
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters)
    expect([...url.searchParams.keys()].toSorted()).toEqual(['client_id', 'request_uri'])
    const browser = new Browser(world.origin)
    const consent = await signIn(browser, await browser.open(url))
    const { url: back } = await browser.submit(consent, { decision: 'allow' })
    const tokens = await client.authorizationCodeGrant(config, back, checks)
    expect(tokens.scope).toBe('patients:read')
    const again = await browser.open(url)
    expect(again.status).toBe(400)
  })

  test('end after a minute (§2.2)', async () => {
    const url = await client.buildAuthorizationUrlWithPAR(config, (await ask(config)).parameters)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
    expect((await new Browser(world.origin).open(url)).status).toBe(400)
  })

  test('are told apart by client: one of another is unknown (§2.1)', async () => {
    const url = await client.buildAuthorizationUrlWithPAR(config, (await ask(config)).parameters)
    const other = await world.addKey({ redirectUris: [appUri] })
    url.searchParams.set('client_id', other.key.id)
    expect((await new Browser(world.origin).open(url)).status).toBe(400)
  })

  test.each<[string, Record<string, string>, string]>([
    ['a redirect URI that is not registered', { redirect_uri: 'https://evil.example/' }, 'invalid_request'],
    ['no PKCE', { code_challenge: '' }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a reference in a reference', { request_uri: 'urn:x' }, 'request_uri_not_supported'],
    ['another resource', { resource: 'https://elsewhere.example' }, 'invalid_target'],
    ['a NUL byte in the scope', { scope: '\0' }, 'invalid_scope'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
  ])('%s is refused as it is pushed (§2.3)', async (_what, more, error) => {
    const { parameters } = await ask(config)
    const pushed = await push({ response_type: 'code', client_id: app.key.id, ...parameters, ...more })
    expect(pushed).toEqual({ status: 400, body: expect.objectContaining({ error }) })
  })

  test('need the client to prove itself', async () => {
    const { parameters } = await ask(config)
    expect((await push({ response_type: 'code', ...parameters, client_id: app.key.id }, {})).status).toBe(401)
    expect(
      (await push({ response_type: 'code', ...parameters }, basic({ ...app, secret: 'x' }))).status,
    ).toBe(401)
  })

  test('are the only ones where the service says so (§5)', async () => {
    await world.change(services, world.service, { signIn: { requirePushedRequests: true } })
    const browser = new Browser(world.origin)
    const { url: refused } = await browser.open((await ask(config)).url)
    expect(refused.searchParams.get('error')).toBe('invalid_request')
    const { parameters } = await ask(config)
    const page = await browser.open(await client.buildAuthorizationUrlWithPAR(config, parameters))
    expect(page.status).toBe(200)
  })

  test('may be bound to a key (RFC 9449 §10): then no other redeems the code', async () => {
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
    const { parameters, checks } = await ask(config)
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
    const browser = new Browser(world.origin)
    const consent = await signIn(browser, await browser.open(url))
    const { url: back } = await browser.submit(consent, { decision: 'allow' })
    await expect(client.authorizationCodeGrant(config, back, checks)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })
})

describe('userinfo (OpenID Connect Core §5.3)', () => {
  test('tells what was consented to, by GET and POST; its token is opaque and opens nothing else', async () => {
    const tokens = await authorize(world, config, { scope: 'openid email' })
    expect(tokens.access_token).not.toContain('.')
    const sub = tokens.claims()?.sub ?? ''
    const expected = { sub, email: 'ann@north.example', email_verified: true }
    expect(await client.fetchUserInfo(config, tokens.access_token, sub)).toEqual(expected)
    const posted = await fetch(`${world.issuer}/oauth/userinfo`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    expect(await posted.json()).toEqual(expected)
  })

  test.each(['', 'Bearer', 'Bearer x', 'Basic eDp5', 'Bearer \u00e9', `Bearer ${'x'.repeat(5_000)}`])(
    '%j is refused with a challenge (RFC 6750 §3)',
    async (authorization) => {
      const response = await fetch(`${world.issuer}/oauth/userinfo`, {
        headers: authorization === '' ? {} : { authorization },
      })
      expect([400, 401]).toContain(response.status)
      expect(response.headers.get('x-request-id')).toMatch(/./)
    },
  )

  test('a token for the API is none for userinfo, and ends with the person', async () => {
    const api = await authorize(world, config, { scope: 'openid email patients:read' })
    const ask = (token: string) =>
      fetch(`${world.issuer}/oauth/userinfo`, { headers: { authorization: `Bearer ${token}` } })
    expect((await ask(api.access_token)).status).toBe(401)
  })

  test('a page of the app may call from where it lives, and no other page (CORS)', async () => {
    const tokens = await authorize(world, config, { scope: 'openid email' })
    const from = (origin: string) =>
      fetch(`${world.issuer}/oauth/userinfo`, {
        headers: { authorization: `Bearer ${tokens.access_token}`, origin },
      })
    const own = await from('https://app.example')
    expect([own.status, own.headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example'])
    const other = await from('https://evil.example')
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([400, null])
  })
})
