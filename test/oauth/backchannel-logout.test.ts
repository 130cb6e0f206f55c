import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Actor } from '../../src/audit/record.ts'
import { guardedFetch } from '../../src/connections/guarded-fetch.ts'
import { type Consent, consents } from '../../src/consents/consent.ts'
import { endConsent } from '../../src/consents/end-consent.ts'
import { endConsentsOfUser } from '../../src/consents/end-consents-of-user.ts'
import { createDeliveries } from '../../src/oauth/deliveries.ts'
import { suspendOrganization } from '../../src/organizations/suspend-organization.ts'
import { deleteUser } from '../../src/users/delete-user.ts'
import { disableUser } from '../../src/users/disable-user.ts'
import type { User } from '../../src/users/user.ts'
import { appOf, appUri, ask, authorize, signIn } from './app.ts'
import { fill, signingIn } from './attack.ts'
import { Browser } from './browser.ts'
import { startWorld, type World } from './fixture.ts'

let world: World
let ann: User
/** The tokens that the app has got. */
let told: string[]
/** What it answers, and how long it takes to. */
let answer: { status: number; afterMs: number }
let requests: number
let backchannelLogoutUri: string
let app = createServer()
beforeEach(async () => {
  world = await startWorld()
  ann = await world.addUser()
  told = []
  requests = 0
  answer = { status: 200, afterMs: 0 }
  app = await listen(async (request, response) => {
    requests += 1
    const token = new URLSearchParams(await text(request)).get('logout_token') ?? ''
    setTimeout(() => {
      if (answer.status === 200) told.push(token)
      response.statusCode = answer.status
      response.end()
    }, answer.afterMs)
  })
  const { port } = app.address() as AddressInfo
  backchannelLogoutUri = `http://127.0.0.1:${port}/backchannel`
})
afterEach(async () => {
  app.closeAllConnections()
  app.close()
  await world.stop()
})

async function listen(answering: RequestListener) {
  const server = createServer(answering).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const addApp = (more: object = {}) =>
  world.addKey({ name: 'Calendar', redirectUris: [appUri], backchannelLogoutUri, ...more })

/** Ann signs in at an app; answers what the app knows of it. */
async function signInAt(browser: Browser, by?: Awaited<ReturnType<typeof addApp>>) {
  const key = by ?? (await addApp())
  const config = await appOf(world, key)
  const { url, checks } = await ask(config, { scope: 'openid patients:read' })
  const { url: back } = await fill(browser, await browser.open(url), { ...signingIn, decision: 'allow' })
  const tokens = await client.authorizationCodeGrant(config, back, checks)
  return { key, config, sid: tokens.claims()?.['sid'], tokens }
}

/** What the one logout token says that came; verified as an app does. */
async function claimsOf(token: string): Promise<JWTPayload> {
  const jwks = createRemoteJWKSet(new URL(`${world.issuer}/oauth/jwks`))
  const { payload } = await jwtVerify(token, jwks, { issuer: world.issuer, typ: 'logout+jwt' })
  return payload
}
const said = async () => {
  await expect.poll(() => told.length).toBeGreaterThan(0)
  return Promise.all(told.map(claimsOf))
}

const operator = (): Actor => ({
  ...{ kind: 'key', id: 'key_0', organizationId: world.operator.id, requestId: 'req' },
})
const deps = () => ({ ...world.deps, records: world.store.records, destroyArtifacts: async () => {} })
const consentsNow = () =>
  world.store.records.list<Consent>(world.organization.id, consents, 'all', '', { limit: 9 })

describe('an app is told that somebody has signed out (OpenID Connect Back-Channel Logout 1.0)', () => {
  test('with a token that says who, where and what, signed, and as no other kind of token (§2.4)', async () => {
    const browser = new Browser(world.origin)
    const { key, sid } = await signInAt(browser)
    await disableUser(deps(), operator(), world.organization.id, ann.id)
    const [payload] = await said()
    expect(payload).toEqual({
      iss: world.issuer,
      sub: ann.id,
      aud: key.key.id,
      sid,
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.stringMatching(/^[\w-]{22}$/),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    })
    expect((payload?.exp ?? 0) - (payload?.iat ?? 0)).toBeLessThanOrEqual(120)
    expect(decodeProtectedHeader(told[0] ?? '').typ).toBe('logout+jwt')
  })

  test.each<[string, (world: World) => Promise<unknown>]>([
    ['is disabled', ({ organization }) => disableUser(deps(), operator(), organization.id, ann.id)],
    [
      'is deleted, with what they let apps do',
      async ({ organization }) => {
        const goesWithUser = [endConsentsOfUser(deps())]
        await deleteUser({ ...deps(), goesWithUser }, operator(), organization.id, ann.id)
        expect(await consentsNow()).toEqual([])
      },
    ],
    [
      'is in an organization that is suspended',
      ({ organization }) => suspendOrganization(deps(), operator(), organization.id, { reason: 'unpaid' }),
    ],
  ])('when the person %s', async (_what, end) => {
    const [here, there] = [new Browser(world.origin), new Browser(world.origin)]
    // An app of the service's own organization: it outlives the person's.
    const key = await addApp({ organizationId: world.operator.id })
    const sids = [(await signInAt(here, key)).sid, (await signInAt(there, key)).sid]
    await end(world)
    await expect.poll(() => told.length).toBe(2)
    expect((await said()).map(({ sid }) => sid).toSorted()).toEqual(sids.toSorted())
  })

  test('when an administrator ends what it may do for the person, and no other app is', async () => {
    const browser = new Browser(world.origin)
    const { sid } = await signInAt(browser)
    const other = await signInAt(new Browser(world.origin), await addApp({ name: 'Notes' }))
    const consent = (await consentsNow()).find(({ clientId }) => clientId === other.key.key.id)
    if (consent === undefined) throw new Error('no consent')
    await endConsent(deps(), operator(), consent, 'ended')
    expect(await said()).toMatchObject([{ aud: other.key.key.id, sid: other.sid }])
    expect(other.sid).not.toBe(sid)
    expect(told).toHaveLength(1)
  })

  test('when the person takes it back, or ends this or another session, on their own page', async () => {
    const [here, there] = [new Browser(world.origin), new Browser(world.origin)]
    const key = await addApp()
    const [own, other] = [await signInAt(here, key), await signInAt(there, key)]
    const page = await here.open('/clinic/login')
    const ids = [...page.text.matchAll(/name="session" value="([^"]+)"/g)].map(([, id = '']) => id)
    const current = /\(this browser\)[\s\S]*?name="session" value="([^"]+)"/.exec(page.text)?.[1]
    const elsewhere = ids.find((id) => id !== current) ?? ''
    await here.submit(page, { session: elsewhere })
    await expect.poll(() => told.length).toBe(1)
    const consent = /name="consent" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    await here.submit(page, { consent })
    await expect.poll(() => told.length).toBe(2)
    await here.submit(page, { session: current ?? '' })
    await expect.poll(() => told.length).toBe(3)
    const sids = (await said()).map(({ sid }) => sid)
    expect([...new Set(sids)].toSorted()).toEqual([own.sid, other.sid].toSorted())
  })

  test('when somebody else signs in at the same browser', async () => {
    await world.addUser({ email: 'bob@north.example', name: 'Bob' })
    const browser = new Browser(world.origin)
    const key = await addApp()
    const { sid, config } = await signInAt(browser, key)
    const more = { prompt: 'select_account' }
    const { url } = await ask(config, { scope: 'openid patients:read', more })
    await signIn(browser, await browser.open(url), 'bob@north.example')
    expect(await said()).toMatchObject([{ sub: ann.id, sid }])
  })

  test('not when it gives the consent back itself (RFC 7009), nor when nothing was wanted', async () => {
    const { config, tokens } = await signInAt(new Browser(world.origin))
    await signInAt(new Browser(world.origin), await addApp({ backchannelLogoutUri: undefined }))
    await client.tokenRevocation(config, tokens.refresh_token ?? '')
    expect(await consentsNow()).toHaveLength(1)
    await world.deps.deliveries.close()
    expect(requests).toBe(0)
  })

  test('also where its session is over already: of the person, without a session', async () => {
    const browser = new Browser(world.origin)
    const { key } = await signInAt(browser)
    await world.store.artifacts.destroyByAccount(world.service.id, ann.id)
    await disableUser(deps(), operator(), world.organization.id, ann.id)
    const [payload] = await said()
    expect(payload).toMatchObject({ sub: ann.id, aud: key.key.id })
    expect(payload).not.toHaveProperty('sid')
  })
})

describe('nobody waits for an app', () => {
  test('that is slow: the person who signs out is answered', async () => {
    const browser = new Browser(world.origin)
    const { tokens, config } = await signInAt(browser)
    answer = { status: 200, afterMs: 2_000 }
    const url = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token ?? '' })
    const startMs = performance.now()
    await browser.submit(await browser.open(url), {})
    expect(performance.now() - startMs).toBeLessThan(1_500)
    expect(told).toEqual([])
    await expect.poll(() => told.length, { timeout: 5_000 }).toBe(1)
  })

  test('that is out of order: it is asked three times, each with a token of its own, then given up', async () => {
    await signInAt(new Browser(world.origin))
    answer = { status: 503, afterMs: 0 }
    await disableUser(deps(), operator(), world.organization.id, ann.id)
    await expect.poll(() => world.givenUp).toEqual([expect.stringContaining('it answered 503')])
    expect(requests).toBe(3)
    expect(world.faults).toEqual([])
  })

  test.each([400, 404, 301])('that answers %i: it is not asked again', async (status) => {
    await signInAt(new Browser(world.origin))
    answer = { status, afterMs: 0 }
    await disableUser(deps(), operator(), world.organization.id, ann.id)
    await expect.poll(() => world.givenUp).toHaveLength(1)
    expect(requests).toBe(1)
  })

  test('whose address is private: it is never reached (server-side request forgery)', async () => {
    const strict = await startWorld({ outgoing: guardedFetch() })
    try {
      const { organization, deps } = strict
      const user = await strict.addUser()
      const key = await strict.addKey({ redirectUris: [appUri], backchannelLogoutUri })
      await authorize(strict, await appOf(strict, key))
      await disableUser({ ...deps, records: strict.store.records }, operator(), organization.id, user.id)
      await expect.poll(() => strict.givenUp).toHaveLength(1)
      expect(requests).toBe(0)
    } finally {
      await strict.stop()
    }
  })
})

describe('deliveries', () => {
  const form = async () => new URLSearchParams({ logout_token: 'x' })
  const made = (more: Partial<Parameters<typeof createDeliveries>[0]> = {}) => {
    const givenUp: string[] = []
    const onGivenUp = (host: string, why: string) => givenUp.push(`${host} ${why}`)
    return { givenUp, deliveries: createDeliveries({ fetch, onGivenUp, onFault: () => {}, ...more }) }
  }

  test('are few at once for one host, however slow it is, and hold up no other', async () => {
    let atOnce = 0
    let most = 0
    const slow: typeof fetch = async (input) => {
      if (String(input).includes('quick')) return new Response()
      most = Math.max(most, ++atOnce)
      await new Promise((resolve) => setTimeout(resolve, 10))
      atOnce -= 1
      return new Response()
    }
    const { deliveries } = made({ fetch: slow, atOnceMax: 2 })
    for (let i = 0; i < 20; i++) deliveries.post('https://slow.example/', form)
    let isQuick = false
    deliveries.post('https://quick.example/', async () => {
      isQuick = true
      return form()
    })
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect([most, isQuick]).toEqual([2, true])
    await deliveries.close()
    expect([most, atOnce]).toEqual([2, 0])
  })

  test('are given up beyond the bound of what may wait', async () => {
    const hanging = Promise.withResolvers<Response>()
    const { deliveries, givenUp } = made({ fetch: () => hanging.promise, heldMax: 3 })
    for (let i = 0; i < 5; i++) deliveries.post('https://slow.example/', form)
    expect(givenUp).toHaveLength(2)
    hanging.resolve(new Response())
    await deliveries.close()
  })

  test('are given up beyond what may wait for one host, which leaves room for every other', async () => {
    const hanging = Promise.withResolvers<Response>()
    const { deliveries, givenUp } = made({
      fetch: () => hanging.promise,
      ...{ atOnceMax: 1, heldMax: 4, heldOfHostMax: 2 },
    })
    for (let i = 0; i < 5; i++) deliveries.post('https://slow.example/', form)
    expect(givenUp).toEqual(Array(3).fill('slow.example too much is waiting for this host'))
    deliveries.post('https://other.example/', form)
    deliveries.post('https://other.example/', form)
    expect(givenUp).toHaveLength(3)
    hanging.resolve(new Response())
    await deliveries.close()
  })

  test('are waited for at the end, but not for ever, and not tried again', async () => {
    const { promise } = Promise.withResolvers<Response>()
    const hanging = made({ fetch: () => promise, closingMsMax: 50 })
    hanging.deliveries.post('https://slow.example/', form)
    await hanging.deliveries.close()
    const broken = made({ fetch: async () => new Response('', { status: 500 }), retryAfterMs: [60_000] })
    broken.deliveries.post('https://broken.example/', form)
    await broken.deliveries.close()
    expect(broken.givenUp).toEqual(['broken.example it answered 500'])
  })
})
