import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fill, type Ground, redirectUri, requestOf, signingIn, startGround } from './attack.ts'
import { Browser } from './browser.ts'
import { basic } from './fixture.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())

const fieldsOf = (changes = {}) => requestOf(ground, changes).url.searchParams

async function push(
  parameters: URLSearchParams | string = fieldsOf(),
  headers: Record<string, string> = basic(ground.app),
  issuer = ground.issuer,
) {
  const answer = await fetch(`${issuer}/oauth/par`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: parameters.toString(),
  })
  const json = (await answer.json()) as { request_uri?: string; error?: string; expires_in?: number }
  return { status: answer.status, headers: answer.headers, ...json }
}

async function pushed(parameters?: URLSearchParams): Promise<string> {
  const { request_uri } = await push(parameters)
  if (request_uri === undefined) throw new Error('nothing was pushed')
  return request_uri
}

/** Opens the reference; what is given beside it is what an attacker adds. */
const open = (request_uri: string, more: Record<string, string> = {}, browser = new Browser(ground.origin)) =>
  browser.open(
    `${ground.issuer}/oauth/authorize?${new URLSearchParams({ client_id: ground.app.key.id, request_uri, ...more })}`,
  )

describe('RFC 9126 §7.1: guessing references', () => {
  test('a reference has 128 bits and more, and ends within a minute', async () => {
    const { request_uri = '', expires_in } = await push()
    expect(request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:[\w-]{22,}$/)
    expect(expires_in).toBeLessThanOrEqual(60)
  })

  test.each([
    'urn:ietf:params:oauth:request_uri:',
    'urn:ietf:params:oauth:request_uri:x',
    'urn:ietf:params:oauth:request_uri:__proto__',
    `urn:ietf:params:oauth:request_uri:${'x'.repeat(8_000)}`,
    'urn:ietf:params:oauth:request_uri:\0',
    'https://evil.example/request',
    'http://127.0.0.1/request',
  ])('%s leads nowhere, and is not fetched', async (request_uri) => {
    const seen = await open(request_uri)
    expect([seen.status, seen.url.origin]).toEqual([400, ground.origin])
  })
})

describe('RFC 9126 §7.2: open redirection', () => {
  test.each([
    'https://evil.example/',
    `${redirectUri}/`,
    `${redirectUri}#x`,
    'javascript:alert(1)',
    '//app.example/callback',
    '',
  ])('the redirect URI %j is refused as it is pushed', async (redirect_uri) => {
    expect(await push(fieldsOf({ redirect_uri }))).toMatchObject({
      status: 400,
      error: expect.stringMatching(/^invalid_re/),
    })
  })
})

describe('RFC 9126 §7.3: replay', () => {
  test('a reference is good for one answer: neither the same browser nor another uses it again', async () => {
    const request_uri = await pushed()
    const browser = new Browser(ground.origin)
    const answers = { ...signingIn, decision: 'allow' }
    const done = await fill(browser, await open(request_uri, {}, browser), answers)
    expect(done.url.searchParams.has('code')).toBe(true)
    for (const other of [browser, new Browser(ground.origin)]) {
      const again = await open(request_uri, {}, other)
      expect([again.status, again.url.origin]).toEqual([400, ground.origin])
    }
  })

  test('two browsers that have it open get one code, or each their own for their own person', async () => {
    const request_uri = await pushed()
    const [victim, attacker] = [new Browser(ground.origin), new Browser(ground.origin)]
    const answers = { ...signingIn, decision: 'allow' }
    const [first, second] = [await open(request_uri, {}, victim), await open(request_uri, {}, attacker)]
    const codes = [await fill(victim, first, answers), await fill(attacker, second, answers)].flatMap(
      ({ url }) => url.searchParams.getAll('code'),
    )
    expect(new Set(codes).size).toBe(codes.length)
    expect(codes.length).toBeLessThanOrEqual(1)
  })
})

describe('RFC 9126 §2.1, §4: the reference is bound to what pushed it', () => {
  test('one of another service is unknown', async () => {
    const service = await ground.addService({ slug: 'second' })
    const app = await ground.addApp({ serviceId: service.id })
    const other = await push(
      fieldsOf({ client_id: app.key.id, redirect_uri: redirectUri }),
      basic(app),
      `${ground.origin}/second`,
    )
    expect(other.status).toBe(201)
    const seen = await open(other.request_uri ?? '')
    expect([seen.status, seen.url.origin]).toEqual([400, ground.origin])
  })

  test('an app cannot push in the name of another', async () => {
    const other = await ground.addApp()
    const refused = await push(fieldsOf({ client_id: other.key.id }))
    expect([refused.status, refused.request_uri]).toEqual([400, undefined])
  })

  test.each<[string, Record<string, string>]>([
    ['another scope', { scope: 'openid patients:read invoices:read' }],
    ['another redirect URI', { redirect_uri: 'https://evil.example/' }],
    ['another state', { state: 'of-the-attacker' }],
    ['another challenge', { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }],
    ['another response mode', { response_mode: 'form_post' }],
    ['another person', { login_hint: 'bob@north.example' }],
    ['no page at all', { prompt: 'none' }],
    ['another organization', { organization: 'south' }],
  ])('parameters beside the reference change nothing: %s', async (_what, more) => {
    const request_uri = await pushed(fieldsOf({ scope: 'openid patients:read' }))
    const browser = new Browser(ground.origin)
    const answers = { ...signingIn, decision: 'allow' }
    const done = await fill(browser, await open(request_uri, more, browser), answers)
    expect(done.url.origin + done.url.pathname).toBe(redirectUri)
    expect(done.url.searchParams.get('state')).toBe('state-of-the-app')
    expect(done.url.searchParams.has('code')).toBe(true)
  })

  test('another response type beside it is refused', async () => {
    const seen = await open(await pushed(), { response_type: 'token' })
    expect([seen.status, seen.url.origin]).toEqual([400, ground.origin])
  })

  test('two references, or two apps, are none', async () => {
    const [one, two] = [await pushed(), await pushed()]
    for (const [name, value] of [
      ['request_uri', two],
      ['client_id', ground.app.key.id],
    ] as const) {
      const url = new URL(
        `${ground.issuer}/oauth/authorize?${new URLSearchParams({ client_id: ground.app.key.id, request_uri: one })}`,
      )
      url.searchParams.append(name, value)
      expect((await new Browser(ground.origin).open(url)).status).toBe(400)
    }
  })
})

describe('RFC 9126 §2.3: what is pushed', () => {
  test.each([...fieldsNames()])('%s twice is refused', async (name) => {
    const fields = fieldsOf()
    fields.append(name, fields.get(name) ?? 'x')
    expect(await push(fields)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  test.each(['login_hint', 'nonce', 'organization', 'domain_hint', 'connection', 'state', 'ui_locales'])(
    'NUL bytes and 10,000 letters in %s are no fault of ours',
    async (name) => {
      for (const value of ['\0', 'x'.repeat(10_000), '\ufffd\u202e']) {
        const { status } = await push(fieldsOf({ [name]: value }))
        expect([201, 400]).toContain(status)
      }
    },
  )

  test('a body over 56 KiB is 413', async () => {
    expect((await push(fieldsOf({ state: 'x'.repeat(60_000) }))).status).toBe(413)
  })

  test.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x', ''])(
    'a body of type %j is not read',
    async (type) => {
      const { status, error } = await push(fieldsOf(), { ...basic(ground.app), 'content-type': type })
      expect([status, error]).toEqual([400, 'invalid_request'])
    },
  )

  test('request objects are refused there, too: signed, unsigned and encrypted', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const d = (await exportJWK(privateKey)).d ?? ''
    for (const request of ['e30.e30.', `e30.e30.${d}`, 'e30.e30.e30.e30.e30', 'x', '']) {
      const fields = fieldsOf()
      fields.set('request', request)
      const { status } = await push(fields)
      expect(status).toBe(request === '' ? 201 : 400)
    }
  })

  test('an answer is not stored', async () => {
    expect((await push()).headers.get('cache-control')).toContain('no-store')
  })
})

function fieldsNames(): readonly string[] {
  return [
    'client_id',
    'code_challenge',
    'code_challenge_method',
    'redirect_uri',
    'response_type',
    'scope',
    'state',
  ]
}

test('nothing of this was a fault of ours', () => {
  expect(ground.faults).toEqual([])
})
