import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Browser, type Seen } from './browser.ts'
import type { IssuedKey } from './fixture.ts'
import { authorizationUrl, profile, run, type Suite, startSuite } from './suite.ts'

// Each test is named after the module of OpenID's conformance suite whose questions it asks.

const goodbye = 'https://suite.example/goodbye'
const state = 's'.repeat(128)

let suite: Suite
let app: IssuedKey
let told: string[] = []
const listener = createServer(async (request, response) => {
  told.push(await text(request))
  response.end()
})
beforeAll(async () => {
  suite = await startSuite('RS256', profile('openid-basic'))
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  app = await suite.addApp({
    postLogoutRedirectUris: [goodbye],
    backchannelLogoutUri: `http://localhost:${(listener.address() as AddressInfo).port}/backchannel`,
  })
})
afterAll(async () => {
  listener.close()
  await suite.stop()
})

let browser: Browser
let hint: string
beforeEach(async () => {
  browser = new Browser(suite.origin)
  hint = (await run(suite, app, {}, browser)).id_token ?? ''
  told = []
})

const logout = (parameters: Record<string, string>) =>
  browser.open(`${suite.issuer}/oauth/logout?${new URLSearchParams(parameters)}`)
const agree = (page: Seen) => browser.submit(page, {})
const isSignedIn = async () => {
  const { url } = await browser.open(authorizationUrl(suite, app, { prompt: 'none' }))
  return url.searchParams.get('error') !== 'login_required'
}

describe('oidcc-rp-initiated-logout-certification-test-plan', () => {
  test('oidcc-rp-initiated-logout-discovery-endpoint-verification', async () => {
    const metadata: unknown = await (await fetch(`${suite.issuer}/.well-known/openid-configuration`)).json()
    expect(metadata).toMatchObject({ end_session_endpoint: `${suite.issuer}/oauth/logout` })
  })

  test.each([
    ['oidcc-rp-initiated-logout', { state }, `${goodbye}?state=${state}`],
    ['oidcc-rp-initiated-logout-no-state', {}, goodbye],
  ])('%s', async (_module, more, end) => {
    const page = await logout({ id_token_hint: hint, post_logout_redirect_uri: goodbye, ...more })
    expect((await agree(page)).url.href).toBe(end)
    expect(await isSignedIn()).toBe(false)
  })

  test.each([
    ['oidcc-rp-initiated-logout-no-params', () => ({})],
    ['oidcc-rp-initiated-logout-no-post-logout-redirect-uri', () => ({ id_token_hint: hint, state })],
    ['oidcc-rp-initiated-logout-only-state', () => ({ state })],
    ['oidcc-rp-initiated-logout-no-id-token-hint', () => ({ post_logout_redirect_uri: goodbye, state })],
  ])('%s: the person is signed out, and stays here', async (_module, parameters) => {
    const end = await agree(await logout(parameters()))
    expect(end.url.origin).toBe(suite.origin)
    expect(end.text).toContain('signed out')
    expect(await isSignedIn()).toBe(false)
  })

  test.each([
    [
      'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri',
      () => ({ post_logout_redirect_uri: `${goodbye}/x` }),
    ],
    [
      'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
      () => ({ post_logout_redirect_uri: `${goodbye}?foo=bar` }),
    ],
    ['oidcc-rp-initiated-logout-bad-id-token-hint', () => ({ id_token_hint: 'x' })],
    [
      'oidcc-rp-initiated-logout-modified-id-token-hint',
      () => ({ id_token_hint: `${hint.slice(0, -8)}${hint.at(-8) === 'A' ? 'B' : 'A'}${hint.slice(-7)}` }),
    ],
  ])('%s: an error, nobody is signed out and nobody is sent anywhere', async (_module, wrong) => {
    const page = await logout({ id_token_hint: hint, post_logout_redirect_uri: goodbye, state, ...wrong() })
    expect([page.status, page.url.origin]).toEqual([400, suite.origin])
    expect(await isSignedIn()).toBe(true)
  })
})

describe('oidcc-backchannel-rp-initiated-logout-certification-test-plan', () => {
  test('oidcc-backchannel-logout-discovery-endpoint-verification', async () => {
    const metadata: unknown = await (await fetch(`${suite.issuer}/.well-known/openid-configuration`)).json()
    expect(metadata).toMatchObject({
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    })
  })

  test('oidcc-backchannel-rp-initiated-logout', async () => {
    await agree(await logout({ id_token_hint: hint, post_logout_redirect_uri: goodbye, state }))
    await expect.poll(() => told.length).toBe(1)
    const token = new URLSearchParams(told[0]).get('logout_token') ?? ''
    const jwks = createRemoteJWKSet(new URL(`${suite.issuer}/oauth/jwks`))
    const { payload, protectedHeader } = await jwtVerify(token, jwks, {
      issuer: suite.issuer,
      audience: app.key.id,
      algorithms: ['RS256'],
    })
    expect(protectedHeader.typ).toBe('logout+jwt')
    expect(payload).toEqual({
      ...{ iss: suite.issuer, aud: app.key.id, sub: expect.any(String), sid: expect.any(String) },
      ...{ iat: expect.any(Number), exp: expect.any(Number), jti: expect.any(String) },
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    })
  })
})
