import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { receive } from '../../src/http/arrival.ts'
import { createIssuers } from '../../src/oauth/issuers.ts'
import {
  answerTo,
  fill,
  type Ground,
  redeem,
  requestOf,
  signingIn,
  startGround,
  toConsent,
} from './attack.ts'
import { Browser, type Seen } from './browser.ts'
import { rightPassword, signingKey } from './fixture.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())

const browserOf = () => new Browser(ground.origin)
const open = async (browser: Browser): Promise<Seen> =>
  browser.open(requestOf(ground, { prompt: 'consent' }).url)
const isSignInPage = ({ status, text }: Seen) => status === 200 && text.includes('name="email"')

/** The cookies of a name, with their values, as a thief or a planter of cookies has them. */
async function cookies(browser: Browser, name: string): Promise<Map<string, string>> {
  const all = (await browser.jar.serialize())?.cookies ?? []
  return new Map(all.flatMap(({ key, value }) => (key?.startsWith(name) ? [[key, String(value)]] : [])))
}

async function plant(browser: Browser, planted: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, value] of planted)
    await browser.jar.setCookie(`${name}=${value}; Path=/`, `${ground.origin}/clinic`)
}

/** Whether whoever holds these cookies is signed in. */
async function isSignedIn(planted: ReadonlyMap<string, string>): Promise<boolean> {
  const browser = browserOf()
  await plant(browser, planted)
  const { url } = requestOf(ground, { prompt: 'none' })
  return (await browser.open(url)).url.searchParams.get('error') !== 'login_required'
}

describe('OAuth 2.1 §7.12: session fixation', () => {
  test('signing in gives a new session id, and one that was planted before is nobody’s', async () => {
    const attacker = browserOf()
    await open(attacker)
    const before = await cookies(attacker, 'latchkey_session_clinic')
    const victim = browserOf()
    await plant(victim, before)
    await answerTo(ground, requestOf(ground), victim)
    const after = await cookies(victim, 'latchkey_session_clinic')
    expect(after.size).toBeGreaterThan(0)
    expect([...after.values()]).not.toEqual([...before.values()])
    expect([await isSignedIn(after), before.size > 0 && (await isSignedIn(before))]).toEqual([true, false])
  })

  test('signing in again ends the id that was there', async () => {
    const browser = browserOf()
    await answerTo(ground, requestOf(ground), browser)
    const first = await cookies(browser, 'latchkey_session_clinic')
    await answerTo(ground, requestOf(ground, { prompt: 'login' }), browser)
    const second = await cookies(browser, 'latchkey_session_clinic')
    expect([...second.values()]).not.toEqual([...first.values()])
    expect([await isSignedIn(first), await isSignedIn(second)]).toEqual([false, true])
  })

  test('a session of one service is none at another, whatever its cookie is called', async () => {
    const browser = browserOf()
    await answerTo(ground, requestOf(ground), browser)
    const service = await ground.addService({ slug: 'second', signingKeys: [signingKey(ground.secrets)] })
    const app = await ground.addApp({ serviceId: service.id })
    const renamed = [...(await cookies(browser, 'latchkey_session_clinic'))].map(
      ([name, value]) => [name.replace('clinic', 'second'), value] as const,
    )
    expect(renamed.length).toBeGreaterThan(0)
    const thief = browserOf()
    await plant(thief, new Map(renamed))
    const second = { ...ground, app, issuer: `${ground.origin}/second` }
    expect(isSignInPage(await thief.open(requestOf(second).url))).toBe(true)
  })
})

describe('RFC 9700 §2.6, RFC 6265bis §4.1.3: cookies', () => {
  test('over TLS are bound to this host, unreadable for scripts and not sent by other sites', async () => {
    const issuers = createIssuers({ ...ground.deps, origin: 'https://id.example' })
    const server = createServer((request, response) => {
      receive(request, response, { newRequestId: () => 'request-of-the-test', trustedProxies: 0 })
      void issuers.answer(request, response)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    try {
      const { pathname, search } = requestOf(ground).url
      const { port } = server.address() as AddressInfo
      const answer = await fetch(`http://127.0.0.1:${port}${pathname}${search}`, { redirect: 'manual' })
      const set = answer.headers.getSetCookie()
      expect(set.length).toBeGreaterThan(1)
      for (const cookie of set) {
        expect(cookie).toMatch(/^__(Host|Secure)-latchkey_/)
        expect(cookie).toMatch(/; secure(;|$)/i)
        expect(cookie).toMatch(/; httponly(;|$)/i)
        expect(cookie).toMatch(/; samesite=lax(;|$)/i)
        expect(cookie).not.toMatch(/; domain=/i)
      }
    } finally {
      server.close()
    }
  })
})

describe('OAuth 2.1 §7.9: what is under way at one browser', () => {
  test('a session cookie that was changed is none', async () => {
    const browser = browserOf()
    await answerTo(ground, requestOf(ground), browser)
    const mine = await cookies(browser, 'latchkey_session_clinic')
    for (const name of mine.keys()) {
      const text = mine.get(name) ?? ''
      const changed = text.replace(/^./, (first) => (first === 'a' ? 'b' : 'a'))
      expect(await isSignedIn(new Map([...mine, [name, changed]]))).toBe(false)
    }
    expect(await isSignedIn(mine)).toBe(true)
  })

  test('another browser cannot go on with it, at any step', async () => {
    const [victim, thief] = [browserOf(), browserOf()]
    const page = await open(victim)
    await open(thief)
    for (const other of [thief, browserOf()]) {
      expect((await other.open(page.url)).status).toBe(404)
      expect((await other.submit(page, { email: 'ann@north.example' })).status).toBe(404)
    }
    const consent = await fill(victim, await victim.open(page.url), signingIn)
    for (const other of [thief, browserOf()])
      expect((await other.submit(consent, { decision: 'allow' })).status).toBe(404)
    const uid = page.url.pathname.split('/').at(-1)
    const stranger = await browserOf().open(`${ground.issuer}/oauth/authorize/${uid}`)
    expect([stranger.status, stranger.url.origin]).toEqual([400, ground.origin])
  })

  test('a cookie of it that was changed opens nothing', async () => {
    const browser = browserOf()
    const page = await open(browser)
    const cookie = await browser.jar.getCookieString(page.url.href)
    const answer = (text: string) => fetch(page.url, { headers: { cookie: text }, redirect: 'manual' })
    expect((await answer(cookie)).status).toBe(200)
    const forged = cookie.replaceAll(/(latchkey_interaction_clinic(?:\.sig)?=)./g, '$1!')
    expect(forged).not.toBe(cookie)
    expect((await answer(forged)).status).toBe(404)
    expect((await answer(cookie.replaceAll(/; \w+\.sig=[^;]+/g, ''))).status).toBe(404)
  })

  test('no step can be left out', async () => {
    const browser = browserOf()
    const page = await open(browser)
    const to = (step: string) => new URL(`${page.url.pathname}/${step}`, page.url)
    const csrf = /name="csrf"[^>]*value="([^"]*)"/.exec(page.text)?.[1] ?? ''
    expect((await browser.post(to('consent'), { csrf, decision: 'allow' })).status).toBe(404)
    expect((await browser.post(to('password'), { csrf, password: rightPassword })).status).not.toBe(303)
    expect((await browser.post(to('toString'), { csrf })).status).toBe(404)
    const resumed = await browser.open(
      `${ground.issuer}/oauth/authorize/${page.url.pathname.split('/').at(-1)}`,
    )
    expect(resumed.url.searchParams.has('code')).toBe(false)
  })

  test('somebody else who signs in at the same browser gets no code of the one before', async () => {
    const bob = await ground.addUser({ email: 'bob@north.example' })
    const browser = browserOf()
    await answerTo(ground, requestOf(ground), browser)
    const request = requestOf(ground, { prompt: 'select_account consent' })
    const bobs = { ...signingIn, email: 'bob@north.example' }
    const answers = { ...bobs, decision: 'allow' }
    const seen = await fill(browser, await browser.open(request.url), answers)
    const code = seen.url.searchParams.get('code')
    const answer = await redeem(ground, { code: code ?? '', verifier: request.verifier })
    const { id_token = '' } = (await answer.json()) as { id_token?: string }
    const payload = Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString()
    expect(JSON.parse(payload)).toMatchObject({ sub: bob.id })
  })

  test('what is over stays over', async () => {
    const browser = browserOf()
    const consent = await toConsent(browser, requestOf(ground, { prompt: 'consent' }))
    const done = await browser.submit(consent, { decision: 'allow' })
    expect(done.url.searchParams.has('code')).toBe(true)
    expect((await browser.submit(consent, { decision: 'allow' })).status).toBe(404)
  })
})

describe('OAuth 2.1 §7.9: forms that another site posts', () => {
  test.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour of this host', { 'sec-fetch-site': 'same-site' }],
    ['an origin that is not ours', { origin: 'https://evil.example' }],
    ['an origin that is hidden', { origin: 'null' }],
    ['an origin that begins like ours', { origin: 'http://127.0.0.1' }],
  ])('%s is refused, with the right token too', async (_what, headers) => {
    const browser = browserOf()
    const consent = await toConsent(browser, requestOf(ground, { prompt: 'consent' }))
    const answer = await browser.submit(consent, { decision: 'allow' }, headers)
    expect([answer.status, answer.url.origin]).toEqual([403, ground.origin])
    expect((await browser.submit(consent, { decision: 'deny' })).url.searchParams.get('error')).toBe(
      'access_denied',
    )
  })

  test('without the page’s token, or with that of another page, nothing is done', async () => {
    const [browser, attacker] = [browserOf(), browserOf()]
    const consent = await toConsent(browser, requestOf(ground, { prompt: 'consent' }))
    const other = await open(attacker)
    const theirs = /name="csrf"[^>]*value="([^"]*)"/.exec(other.text)?.[1] ?? ''
    expect(theirs).not.toBe('')
    for (const csrf of ['', 'x', theirs])
      expect((await browser.submit(consent, { decision: 'allow', csrf })).status).toBe(403)
  })

  test('a form of another type is not read', async () => {
    const browser = browserOf()
    const page = await open(browser)
    const type = { 'content-type': 'text/plain' }
    expect((await browser.submit(page, { email: 'ann@north.example' }, type)).status).toBe(415)
  })
})

test('nothing of this was a fault of ours', () => {
  expect(ground.faults).toEqual([])
})
