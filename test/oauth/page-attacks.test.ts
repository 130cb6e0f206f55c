import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Consent, consents } from '../../src/consents/consent.ts'
import { type Service, services } from '../../src/services/service.ts'
import { answerTo, fill, type Ground, requestOf, signingIn, startGround, toConsent } from './attack.ts'
import { Browser, type Seen } from './browser.ts'
import { basic, rightCode } from './fixture.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())

const browserOf = () => new Browser(ground.origin)

/** What no form of ours sends; as it stands in a body. */
const junk: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['a NUL', '%00'],
  ['a NUL in between', 'ann%00@north.example'],
  ['a lone surrogate', '%ED%A0%80'],
  ['bytes that are no UTF-8', '%FF%FE'],
  ['broken percent-encoding', '%zz%'],
  ['10,000 letters', 'x'.repeat(10_000)],
  ['line ends', 'a%0D%0Ab%0Aset-cookie:x'],
  ['text that turns around', '%E2%80%AE'],
  ['HTML', '%3Cscript%3Ealert(1)%3C/script%3E'],
  ['a template', '%3C%25=%201%20%25%3E'],
  ['a property of objects', '__proto__'],
  ['SQL', "'%20OR%201=1--"],
  ['a path', '../../../etc/passwd'],
]

/** The first form of a page: where it goes, and the names of all its fields. */
function formOf(page: Seen): { readonly url: URL; readonly fields: ReadonlyMap<string, string> } {
  const form = /<form[\s\S]*?<\/form>/.exec(page.text)?.[0] ?? ''
  const [, action = ''] = /action="([^"]*)"/.exec(form) ?? []
  const named = [...form.matchAll(/<(?:input|button)[^>]* name="([^"]*)"(?:[^>]* value="([^"]*)")?/g)]
  return {
    url: new URL(action.replaceAll('&amp;', '&'), page.url),
    fields: new Map(named.map(([, name = '', value = '']) => [name, value])),
  }
}

/** Posts a body as it is, with the cookies of the browser. */
async function post(browser: Browser, url: URL, body: string, headers: Record<string, string> = {}) {
  const cookie = await browser.jar.getCookieString(url.href)
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...type, cookie, accept: 'text/html', ...headers },
    body,
    redirect: 'manual',
  })
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}

const bodyOf = (fields: ReadonlyMap<string, string>, name: string, raw: string): string =>
  [...fields].map(([key, value]) => `${key}=${key === name ? raw : encodeURIComponent(value)}`).join('&')

/** Every page that has a form, as somebody comes to it. */
const pages: readonly (readonly [string, (browser: Browser) => Promise<Seen>])[] = [
  ['the address', (browser) => browser.open(requestOf(ground).url)],
  [
    'the code',
    async (browser) =>
      browser.submit(await browser.open(requestOf(ground).url), { email: 'ann@north.example' }),
  ],
  [
    'the choice',
    async (browser) => {
      const page = await browser.open(requestOf(ground).url)
      const code = await browser.submit(page, { email: 'both@north.example' })
      return browser.submit(code, { code: rightCode })
    },
  ],
  [
    'the password',
    async (browser) => {
      const { password: _password, ...answers } = signingIn
      return fill(browser, await browser.open(requestOf(ground).url), answers)
    },
  ],
  [
    'a forgotten password',
    async (browser) => {
      const page = await browser.open(requestOf(ground).url)
      return browser.open(`${page.url.pathname}/forgot`)
    },
  ],
  ['consent', (browser) => toConsent(browser, requestOf(ground, { prompt: 'consent' }))],
  ['one’s own sessions and apps', (browser) => ownPage(browser)],
  ['a device', (browser) => browser.open('/clinic/device')],
  [
    'a device that was found',
    async (browser) => browser.submit(await browser.open('/clinic/device'), { user_code: await userCode() }),
  ],
  [
    'signing out',
    async (browser) => {
      await ownPage(browser)
      return browser.open('/clinic/oauth/logout')
    },
  ],
]

async function ownPage(browser: Browser, email = 'ann@north.example'): Promise<Seen> {
  return fill(browser, await browser.open('/clinic/login'), { ...signingIn, email })
}

async function userCode(): Promise<string> {
  const answer = await fetch(`${ground.issuer}/oauth/device`, {
    method: 'POST',
    headers: basic(ground.app),
    body: new URLSearchParams({ scope: 'patients:read' }),
  })
  return ((await answer.json()) as { user_code: string }).user_code
}

beforeAll(async () => {
  const south = await ground.addOrganization({ name: 'South practice' })
  await ground.addUser({ email: 'both@north.example' })
  await ground.addUser({ email: 'both@north.example', organizationId: south.id })
})

describe('OAuth 2.1 §7.13, RFC 9700 §4.7: what forms of ours never send', () => {
  test.each(pages)(
    'in each field of the page of %s is answered, and is no fault of ours',
    async (_name, open) => {
      const page = await open(browserOf())
      expect(formOf(page).fields.size).toBeGreaterThan(0)
      const browser = browserOf()
      for (const name of formOf(page).fields.keys()) {
        // Each field of a page of its own: what was sent before may have ended it.
        const { url, fields } = formOf(await open(browser))
        for (const [what, raw] of junk) {
          const { status, text } = await post(browser, url, bodyOf(fields, name, raw))
          expect([name, what, status < 500]).toEqual([name, what, true])
          expect(text).not.toContain('<script>alert')
        }
      }
      expect(ground.faults).toEqual([])
    },
  )

  test.each(pages)('a field of the page of %s that comes twice is none', async (_name, open) => {
    const browser = browserOf()
    const { url, fields } = formOf(await open(browser))
    const body = bodyOf(fields, '', '')
    for (const name of fields.keys()) {
      const { status, headers } = await post(browser, url, `${body}&${name}=x`)
      expect(status).toBeLessThan(500)
      expect(headers.get('location') ?? '').not.toContain('code=')
    }
    expect(ground.faults).toEqual([])
  })

  test.each(pages)(
    'a body of the page of %s that is no form, or too large, is refused',
    async (_name, open) => {
      const browser = browserOf()
      const { url, fields } = formOf(await open(browser))
      const body = bodyOf(fields, '', '')
      for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', 'x'])
        expect((await post(browser, url, body, { 'content-type': type })).status).toBeGreaterThanOrEqual(400)
      expect((await post(browser, url, `${body}&x=${'y'.repeat(60_000)}`)).status).toBe(413)
      expect(ground.faults).toEqual([])
    },
  )

  test.each(pages)(
    'the page of %s is neither framed, stored, nor told as a referrer',
    async (_name, open) => {
      const { headers } = await open(browserOf())
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toMatch(/^(no-referrer|same-origin)$/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    },
  )

  test.each(pages)('the form of the page of %s is not taken from another site', async (_name, open) => {
    const browser = browserOf()
    const { url, fields } = formOf(await open(browser))
    for (const from of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }] as const) {
      const { status, headers } = await post(
        browser,
        url,
        bodyOf(fields, '', ''),
        from as Record<string, string>,
      )
      expect([status, headers.get('location')]).toEqual([403, null])
    }
  })
})

describe('OAuth 2.1 §7.9: one’s own page', () => {
  test('nobody ends the session or the consent of somebody else by its id', async () => {
    await ground.addUser({ email: 'eve@north.example' })
    const [ann, eve] = [browserOf(), browserOf()]
    await answerTo(ground, requestOf(ground), ann)
    const anns = await ownPage(ann)
    const session = /name="session" value="([^"]+)"/.exec(anns.text)?.[1] ?? ''
    const { records } = ground.store
    const all = await records.list<Consent>(ground.organization.id, consents, 'user', ground.ann.id, {
      limit: 1,
    })
    const consent = all[0]?.id ?? ''
    expect([session, consent]).toEqual([expect.stringMatching(/./), expect.stringMatching(/^gra_/)])
    const eves = await ownPage(eve, 'eve@north.example')
    expect(eves.text).not.toContain(session)
    expect(eves.text).not.toContain(consent)
    for (const fields of [{ session }, { consent }]) await eve.submit(eves, fields)
    expect((await ann.open('/clinic/login')).text).toContain(session)
    expect((await ann.open('/clinic/login')).text).toContain(consent)
  })

  test('the token of one person’s page is none for another’s, nor that of a session before', async () => {
    const [ann, eve] = [browserOf(), browserOf()]
    const [anns, eves] = [await ownPage(ann), await ownPage(eve, 'eve@north.example')]
    const csrf = formOf(eves).fields.get('csrf') ?? ''
    const session = /name="session" value="([^"]+)"/.exec(anns.text)?.[1] ?? ''
    expect((await ann.submit(anns, { csrf, session })).status).toBe(403)
    const old = formOf(anns).fields.get('csrf') ?? ''
    await ann.submit(anns, { session })
    const next = await ownPage(ann)
    expect((await ann.submit(next, { csrf: old, session })).status).toBe(403)
  })

  test('a session of one service is none at another', async () => {
    const browser = browserOf()
    await ownPage(browser)
    await ground.addService({ slug: 'neighbour' })
    const page = await browser.open('/neighbour/login')
    expect(page.text).toContain('name="email"')
    expect(page.text).not.toContain('ann@north.example')
  })

  test('GET changes nothing', async () => {
    const browser = browserOf()
    const page = await ownPage(browser)
    const { fields } = formOf(page)
    const session = /name="session" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    await browser.open(`/clinic/login?${new URLSearchParams({ csrf: fields.get('csrf') ?? '', session })}`)
    expect((await browser.open('/clinic/login')).text).toContain(session)
  })
})

describe('RFC 9700 §2.6: Host, forwarded hosts and methods that are said to be others', () => {
  const evil = 'evil.example'
  const forwarded = [
    ...[`x-forwarded-host: ${evil}`, `forwarded: host=${evil}`, `x-original-url: /admin`],
    ...[`x-rewrite-url: /admin`, 'x-forwarded-proto: https', `x-host: ${evil}`],
  ]

  test.each([
    'GET /clinic/login',
    'GET /clinic/device',
    'GET /clinic/oauth/logout',
    'GET /clinic/oauth/authorize',
    'GET /clinic/.well-known/openid-configuration',
    'GET /clinic/oauth/userinfo',
    'POST /clinic/oauth/token',
    'POST /clinic/oauth/par',
    'POST /clinic/oauth/device',
    'GET /connections/con_00000000000000000000000000/callback?state=x',
    'GET /clinic/nowhere',
  ])('%s says nothing of the host that a request names', async (line) => {
    const answer = await ground.raw(line, { host: evil, headers: forwarded })
    expect(answer).toMatch(/^HTTP\/1\.1 \d{3} /)
    expect(answer).not.toContain(evil)
    expect(answer).not.toContain('/admin')
  })

  test('what a device is told to open, and where a registered app finds itself, are of the configured origin', async () => {
    await ground.change<Service>(services, ground.service, { signIn: { registration: 'open' } })
    const { authorization = '' } = basic(ground.app)
    const device = await ground.raw('POST /clinic/oauth/device', {
      host: evil,
      headers: [...forwarded, `authorization: ${authorization}`],
      body: 'scope=patients%3Aread',
    })
    expect(device).toContain(`"verification_uri":"${ground.issuer}/device"`)
    expect(device).not.toContain(evil)
    const answer = await fetch(`${ground.issuer}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-host': evil },
      body: JSON.stringify({ redirect_uris: ['https://app.example/callback'] }),
    })
    expect(await answer.text()).toContain(`"registration_client_uri":"${ground.issuer}/oauth/register/`)
  })

  test.each(['x-http-method-override', 'x-http-method', 'x-method-override'])(
    '%s is not heard',
    async (header) => {
      const browser = browserOf()
      const page = await ownPage(browser)
      const { url, fields } = formOf(page)
      const cookie = await browser.jar.getCookieString(url.href)
      const query = new URLSearchParams([...fields, ['_method', 'POST']])
      const answer = await fetch(`${url}?${query}`, { headers: { cookie, [header]: 'POST' } })
      expect(answer.status).toBe(200)
      const token = await fetch(`${ground.issuer}/oauth/token`, { headers: { [header]: 'POST' } })
      expect(token.status).toBe(405)
    },
  )
})

describe('RFC 6749 §5.1, RFC 9700 §4.3: what is not to be stored', () => {
  test.each([
    ['POST', '/oauth/token'],
    ['POST', '/oauth/introspect'],
    ['POST', '/oauth/revoke'],
    ['POST', '/oauth/par'],
    ['POST', '/oauth/device'],
    ['GET', '/oauth/userinfo'],
    ['POST', '/oauth/userinfo'],
    ['GET', '/oauth/logout'],
    ['GET', '/oauth/authorize'],
    ['GET', '/oauth/authorize/xxxxxxxxxxxxxxxxxxxxxxxxxxx'],
    ['GET', '/device'],
    ['POST', '/device'],
    ['GET', '/device/xxxxxxxxxxxxxxxxxxxxxxxxxxx'],
    ['GET', '/login'],
    ['GET', '/login/xxxxxxxxxxxxxxxxxxxxxxxxxxx'],
    ['POST', '/login'],
    ['DELETE', '/oauth/token'],
    ['POST', '/oauth/register'],
    ['GET', '/oauth/register/app_00000000000000000000000000'],
  ])('%s %s: the answer, whatever it is', async (method, path) => {
    for (const accept of ['text/html', 'application/json']) {
      const answer = await fetch(ground.issuer + path, { method, headers: { accept }, redirect: 'manual' })
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([
        answer.status,
        expect.stringContaining('no-store'),
      ])
      expect(answer.headers.get('x-request-id')).toMatch(/./)
    }
  })
})

test('nothing of this was a fault of ours', () => {
  expect(ground.faults).toEqual([])
})
