import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { consents } from '../../src/consents/consent.ts'
import { appOf, appUri, ask, authorize, signIn } from './app.ts'
import { Browser } from './browser.ts'
import { type IssuedKey, startWorld, type World } from './fixture.ts'

const goodbye = 'https://app.example/goodbye'

let world: World
let app: IssuedKey
let config: client.Configuration
let browser: Browser
const toldTo: string[] = []
let told = createServer()
beforeEach(async () => {
  world = await startWorld()
  await world.addUser()
  toldTo.length = 0
  told = createServer(async (request, response) => {
    toldTo.push(await text(request))
    response.end()
  }).listen(0, '127.0.0.1')
  await once(told, 'listening')
  const { port } = told.address() as AddressInfo
  app = await world.addKey({
    name: 'Calendar',
    redirectUris: [appUri],
    postLogoutRedirectUris: [goodbye],
    backchannelLogoutUri: `http://127.0.0.1:${port}/backchannel`,
  })
  config = await appOf(world, app)
  browser = new Browser(world.origin)
})
afterEach(async () => {
  told.close()
  await world.stop()
})

const tokensOf = (scope = 'openid patients:read') => authorize(world, config, { scope }, browser)
const logoutUrl = (more: Record<string, string>) => client.buildEndSessionUrl(config, more)

describe('signing out (OpenID Connect RP-Initiated Logout 1.0)', () => {
  test('the person is asked, and goes back to the app with its state; the session is gone', async () => {
    const { id_token: hint = '' } = await tokensOf()
    const page = await browser.open(
      logoutUrl({ id_token_hint: hint, post_logout_redirect_uri: goodbye, state: 's' }),
    )
    expect(page.text).toContain('Calendar')
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self';")
    const { url: back } = await browser.submit(page, {})
    expect(back.href).toBe(`${goodbye}?state=s`)
    const again = await browser.open((await ask(config)).url)
    expect(again.text).toContain('Sign in')
  })

  test('who was signed in is told to the app, signed (Back-Channel Logout 1.0 §2.4)', async () => {
    const tokens = await tokensOf()
    const page = await browser.open(logoutUrl({ id_token_hint: tokens.id_token ?? '' }))
    await browser.submit(page, {})
    await expect.poll(() => toldTo).toHaveLength(1)
    const token = new URLSearchParams(toldTo[0]).get('logout_token') ?? ''
    const jwks = createRemoteJWKSet(new URL(`${world.issuer}/oauth/jwks`))
    const { payload } = await jwtVerify(token, jwks, { issuer: world.issuer, audience: app.key.id })
    expect(payload).toMatchObject({
      sub: tokens.claims()?.sub,
      sid: tokens.claims()?.['sid'],
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    })
    expect(payload).not.toHaveProperty('nonce')
  })

  test('ends refresh tokens that are bound to the session, leaves the others and the consent', async () => {
    const bound = await tokensOf()
    const other = new Browser(world.origin)
    const free = await authorize(
      world,
      config,
      { scope: 'openid offline_access patients:read', more: { prompt: 'consent' } },
      other,
    )
    const page = await browser.open(logoutUrl({ id_token_hint: bound.id_token ?? '' }))
    await browser.submit(page, {})
    await expect(client.refreshTokenGrant(config, bound.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    expect((await client.refreshTokenGrant(config, free.refresh_token ?? '')).access_token).toBeDefined()
    expect(await world.records.list(world.organization.id, consents, 'all', '', { limit: 5 })).toHaveLength(1)
  })

  test('a browser is led on by a page: its policy holds forms to this host', async () => {
    const { id_token: hint = '' } = await tokensOf()
    const page = await browser.open(logoutUrl({ id_token_hint: hint, post_logout_redirect_uri: goodbye }))
    const onward = await browser.submit(page, {}, { accept: 'text/html' })
    expect([onward.status, onward.headers.get('location')]).toEqual([200, null])
    expect(onward.text).toContain(`content="0; url=${goodbye}"`)
  })

  test('staying signed in changes nothing of the consent', async () => {
    const tokens = await tokensOf()
    const page = await browser.open(logoutUrl({ id_token_hint: tokens.id_token ?? '' }))
    await browser.submitForm(1, page)
    expect(await world.records.list(world.organization.id, consents, 'all', '', { limit: 5 })).toHaveLength(1)
    await expect.poll(() => toldTo).toHaveLength(1)
  })

  test.each([
    ['an address that is not registered', { post_logout_redirect_uri: 'https://evil.example/' }],
    ['a hint that is no token', { id_token_hint: 'x' }],
    ['another client', { client_id: 'key_01jz0000000000000000000000' }],
  ])('%s is refused, and leads nowhere (no open redirect)', async (_what, more) => {
    const { id_token: hint = '' } = await tokensOf()
    const url = logoutUrl({ id_token_hint: hint, ...more })
    const page = await browser.open(url)
    expect(page.status).toBe(400)
    expect(page.url.origin).toBe(world.origin)
  })

  test('without a hint no address of the request is followed', async () => {
    await tokensOf()
    const page = await browser.open(`${world.issuer}/oauth/logout?post_logout_redirect_uri=${goodbye}`)
    const after = await browser.submit(page, {})
    expect(after.url.origin).toBe(world.origin)
    expect(after.text).toContain('You are signed out')
  })

  test('who is not signed in goes back at once, without a script', async () => {
    const { id_token: hint = '' } = await tokensOf()
    const stranger = new Browser(world.origin)
    const there = await stranger.open(
      logoutUrl({ id_token_hint: hint, post_logout_redirect_uri: goodbye, state: 's' }),
    )
    expect(there.url.href).toBe(`${goodbye}?state=s`)
    const nowhere = await stranger.open(`${world.issuer}/oauth/logout`)
    expect(nowhere.text).toContain('You are signed out')
  })

  test('another browser cannot send the form', async () => {
    const { id_token: hint = '' } = await tokensOf()
    const page = await browser.open(logoutUrl({ id_token_hint: hint }))
    const stranger = new Browser(world.origin)
    await signIn(stranger, await stranger.open((await ask(config)).url))
    const answer = await stranger.submit(page, {})
    expect(answer.status).toBe(400)
  })
})
