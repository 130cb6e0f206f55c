import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { type Connection, connections } from '../../src/connections/connection.ts'
import { domains } from '../../src/organizations/domain.ts'
import type { Misbehaviour } from '../connections/upstream.ts'
import { signIn } from './app.ts'
import { Browser, type Seen } from './browser.ts'
import { ana, comeThrough, open, startTenants, type Tenants, wayBack } from './tenants.ts'

const goodbye = 'https://app.example/goodbye'

let at: Tenants
beforeEach(async () => {
  at = await startTenants()
  await at.world.change(clientKeys, at.app.key, { postLogoutRedirectUris: [goodbye] })
})
afterEach(() => at.stop())

const offers = {
  discovery: (usual: object) => ({ ...usual, end_session_endpoint: `${at.provider.issuer}/end` }),
}
const asking = (more: Partial<Connection> = {}) =>
  at.world.change(connections, at.connection, { signOut: 'upstream', ...more })

/** Signs in through the provider, lets the app act, and answers what its sign-out needs. */
async function signedIn(provider: Misbehaviour = offers) {
  at.provider.will(provider)
  const { browser, seen, checks } = await comeThrough(at, provider)
  const { url } = await browser.submit(seen, { decision: 'allow' })
  const tokens = await client.authorizationCodeGrant(at.config, url, checks)
  return { browser, hint: tokens.id_token ?? '' }
}

async function signOut({ browser, hint }: { browser: Browser; hint: string }): Promise<Seen> {
  const parameters = { id_token_hint: hint, post_logout_redirect_uri: goodbye, state: 'of-the-app' }
  const page = await browser.open(client.buildEndSessionUrl(at.config, parameters))
  return browser.submit(page, {})
}

const callback = (state: string | null) =>
  `${at.world.origin}/connections/${at.connection.id}/signed-out${state === null ? '' : `?state=${state}`}`

describe('signing out where the connection asks for it (OpenID Connect RP-Initiated Logout 1.0 §2)', () => {
  test('leads on to the provider, with its own ID token, and from there back to the app with its state', async () => {
    await asking()
    const session = await signedIn()
    const away = await signOut(session)
    expect(away.url.origin + away.url.pathname).toBe(`${at.provider.issuer}/end`)
    const said = Object.fromEntries(away.url.searchParams)
    expect(said).toMatchObject({ client_id: 'latchkey', post_logout_redirect_uri: callback(null) })
    expect(decodeJwt(said['id_token_hint'] ?? '')).toMatchObject({ iss: at.provider.issuer, sub: 'ana' })
    const back = await session.browser.open(callback(said['state'] ?? ''))
    expect(back.url.href).toBe(`${goodbye}?state=of-the-app`)
    // Here it was over before.
    expect((await open(at, {}, session.browser)).seen.text).toContain('name="email"')
  })

  test('leads there from the page of one’s own sessions, too', async () => {
    await asking()
    const { browser } = await signedIn()
    const page = await browser.open(`${at.world.issuer}/login`)
    const own = /name="session" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const away = await browser.submit(page, { session: own })
    expect(away.url.pathname).toBe('/end')
    const back = await browser.open(callback(away.url.searchParams.get('state')))
    expect([back.url.origin, back.text]).toEqual([at.world.origin, expect.stringContaining('name="email"')])
  })

  test('a sign-in without an app is signed out there, too', async () => {
    await asking()
    at.provider.will(offers)
    const browser = new Browser(at.world.origin)
    const away = await browser.submit(await browser.open(`${at.world.issuer}/login`), { email: ana })
    const page = await browser.open(wayBack(at, away, {}, offers))
    const own = /name="session" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    expect((await browser.submit(page, { session: own })).url.pathname).toBe('/end')
  })

  test.each<[string, Partial<Connection>]>([
    ['signing out here is enough', { signOut: 'here' }],
    ['it was disabled since', { state: { kind: 'disabled', disabledAt: 1 } }],
  ])('leads to the app at once where %s', async (_what, more) => {
    const session = await signedIn()
    await asking(more)
    expect((await signOut(session)).url.href).toBe(`${goodbye}?state=of-the-app`)
  })

  test('leads to the app at once where the provider offers no sign-out', async () => {
    await asking()
    expect((await signOut(await signedIn({}))).url.href).toBe(`${goodbye}?state=of-the-app`)
  })

  test('leads to the app at once where the provider is down', async () => {
    const session = await signedIn()
    await asking({ issuer: 'http://127.0.0.1:9' })
    expect((await signOut(session)).url.href).toBe(`${goodbye}?state=of-the-app`)
    expect((await open(at, {}, session.browser)).seen.text).toContain('name="email"')
  })

  test('who signs in again with a password, in the same session, is not sent to the provider', async () => {
    await asking()
    const { browser } = await signedIn()
    // The connection speaks for her no longer.
    await at.world.change(domains, at.domain, { state: { kind: 'lapsed', lapsedAt: 1 } })
    const { seen, checks } = await open(at, { prompt: 'login' }, browser)
    const back = (await signIn(browser, seen, ana)).url
    const tokens = await client.authorizationCodeGrant(at.config, back, checks)
    const there = await signOut({ browser, hint: tokens.id_token ?? '' })
    expect(there.url.href).toBe(`${goodbye}?state=of-the-app`)
  })
})

describe('/connections/{connection}/signed-out', () => {
  test('leads nobody anywhere without a state of ours, of this connection, of now', async () => {
    await asking()
    const state = (await signOut(await signedIn())).url.searchParams.get('state') ?? ''
    const second = await at.addConnection(at.world.organization.id)
    const browser = new Browser(at.world.origin)
    for (const url of [
      callback(null),
      callback('https://evil.example/'),
      callback(`${state.slice(0, -4)}AAAA`),
      callback(state).replace(at.connection.id, second.id),
    ]) {
      const { url: where, text } = await browser.open(url)
      expect([where.origin, text]).toEqual([at.world.origin, expect.stringContaining('You are signed out')])
    }
  })
})
