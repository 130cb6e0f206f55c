import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { Browser } from './browser.ts'
import { basic, type IssuedKey, postToken } from './fixture.ts'
import {
  authorizationUrl,
  callback,
  claimsIn,
  goOn,
  profile,
  redeem,
  run,
  type Suite,
  startSuite,
  userinfo,
} from './suite.ts'

// Each test is named after the module of OpenID's conformance suite whose questions it asks.

let suite: Suite
let app: IssuedKey
beforeAll(async () => {
  suite = await startSuite('RS256', profile('openid-basic'))
  app = await suite.addApp()
})
afterAll(() => suite.stop())

let browser: Browser
beforeEach(() => {
  browser = new Browser(suite.origin)
})

const open = (changes: Record<string, string | undefined> = {}) =>
  browser.open(authorizationUrl(suite, app, changes))
const metadata = async () =>
  (await (await fetch(`${suite.issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>
const claims = async (changes: Record<string, string | undefined> = {}) =>
  (await claimsIn(suite, app, await run(suite, app, changes, browser))).payload

describe('oidcc-config-certification-test-plan', () => {
  test('oidcc-discovery-endpoint-verification', async () => {
    const said = await metadata()
    expect(said).toMatchObject({
      issuer: suite.issuer,
      authorization_endpoint: `${suite.issuer}/oauth/authorize`,
      token_endpoint: `${suite.issuer}/oauth/token`,
      userinfo_endpoint: `${suite.issuer}/oauth/userinfo`,
      jwks_uri: `${suite.issuer}/oauth/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      userinfo_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      scopes_supported: expect.arrayContaining(['openid']),
      claims_supported: expect.arrayContaining(['sub']),
      grant_types_supported: expect.arrayContaining(['authorization_code']),
      code_challenge_methods_supported: ['S256'],
      acr_values_supported: ['password'],
      claims_parameter_supported: true,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
    })
    const { keys } = (await (await fetch(String(said['jwks_uri']))).json()) as { keys: object[] }
    expect(keys).toEqual([expect.objectContaining({ kty: 'RSA', alg: 'RS256', kid: expect.any(String) })])
    expect(keys[0]).not.toHaveProperty('d')
  })
})

describe('oidcc-basic-certification-test-plan', () => {
  test('oidcc-server', async () => {
    const { url } = await goOn(browser, await open())
    expect([url.origin + url.pathname, url.searchParams.get('state'), url.searchParams.get('iss')]).toEqual([
      callback,
      'state-of-the-suite',
      suite.issuer,
    ])
    const answer = await redeem(suite, app, url)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const tokens = (await answer.json()) as Awaited<ReturnType<typeof run>>
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: expect.any(Number) })
    const { payload, protectedHeader } = await claimsIn(suite, app, tokens)
    expect(protectedHeader).toEqual({ alg: 'RS256', kid: expect.any(String) })
    expect(payload).toMatchObject({ sub: expect.stringMatching(/^usr_/), nonce: 'nonce-of-the-suite' })
  })

  test.each([
    ['oidcc-response-type-missing', { response_type: undefined }],
    ['oidcc-prompt-none-not-logged-in', { prompt: 'none' }],
  ])('%s', async (module, changes) => {
    const { url } = await open(changes)
    const { error, state } = Object.fromEntries(url.searchParams)
    const expected = module === 'oidcc-response-type-missing' ? 'invalid_request' : 'login_required'
    expect([url.origin + url.pathname, error, state]).toEqual([callback, expected, 'state-of-the-suite'])
  })

  test('oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body', async () => {
    const { access_token: token } = await run(suite, app, {}, browser)
    const body = new URLSearchParams({ access_token: token })
    for (const init of [{}, { method: 'POST' }, { method: 'POST', headers: {}, body }]) {
      const answer = await userinfo(suite, token, init)
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(await answer.json()).toEqual({ sub: expect.stringMatching(/^usr_/) })
    }
  })

  test('oidcc-ensure-request-without-nonce-succeeds-for-code-flow, for a client in the list of exceptions', async () => {
    const { url } = await open({ nonce: undefined })
    expect(url.searchParams.get('error')).toBe('invalid_request')
    await suite.set({ conformance_exempt_pkce_client_ids: [app.key.id] })
    const payload = await claims({ nonce: undefined })
    expect(payload).not.toHaveProperty('nonce')
    await suite.set({ conformance_exempt_pkce_client_ids: [] })
  })

  test.each([
    ['oidcc-scope-profile', 'openid profile', { name: 'Ann North' }],
    ['oidcc-scope-email', 'openid email', { email: 'ann@north.example', email_verified: true }],
    ['oidcc-scope-address (not supported, and no error)', 'openid address', {}],
    ['oidcc-scope-phone (not supported, and no error)', 'openid phone', {}],
    [
      'oidcc-scope-all',
      'openid profile email address phone',
      { name: 'Ann North', email: 'ann@north.example', email_verified: true },
    ],
    [
      'oidcc-ensure-other-scope-order-succeeds',
      'email openid',
      { email: 'ann@north.example', email_verified: true },
    ],
  ])('%s', async (_module, scope, told) => {
    const { access_token: token } = await run(suite, app, { scope }, browser)
    expect(await (await userinfo(suite, token)).json()).toEqual({ sub: expect.any(String), ...told })
  })

  test.each([
    ['oidcc-display-page', { display: 'page' }],
    ['oidcc-display-popup', { display: 'popup' }],
    ['oidcc-ui-locales', { ui_locales: 'se de' }],
    ['oidcc-claims-locales', { claims_locales: 'se' }],
    ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
    ['oidcc-login-hint', { login_hint: 'ann@north.example' }],
  ])('%s', async (_module, changes) => {
    expect(await claims(changes)).toMatchObject({ nonce: 'nonce-of-the-suite' })
  })

  test('oidcc-ensure-request-with-valid-pkce-succeeds, and not without the verifier', async () => {
    const verifier = 'v'.repeat(43)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const asked = { code_challenge: challenge, code_challenge_method: 'S256' }
    const [first, second] = [await goOn(browser, await open(asked)), await open(asked)]
    expect((await redeem(suite, app, first.url, { code_verifier: verifier })).status).toBe(200)
    expect((await redeem(suite, app, second.url)).status).toBe(400)
  })

  test('oidcc-prompt-login, oidcc-max-age-1: the person signs in again, and auth_time says so', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    try {
      const first = await claims({ max_age: '15000' })
      for (const again of [{ prompt: 'login' }, { max_age: '1' }]) {
        vi.setSystemTime(Date.now() + 2_000)
        const before = Math.floor(Date.now() / 1000)
        const page = await open(again)
        expect(page.text).toContain('name="password"')
        const { url } = await goOn(browser, page)
        const tokens = (await (await redeem(suite, app, url)).json()) as Awaited<ReturnType<typeof run>>
        const { payload } = await claimsIn(suite, app, tokens)
        expect(payload['auth_time']).toBeGreaterThanOrEqual(before)
        expect(payload.sub).toBe(first.sub)
      }
    } finally {
      vi.useRealTimers()
    }
  })

  test('oidcc-prompt-none-logged-in, oidcc-max-age-10000, oidcc-id-token-hint: nobody is asked again', async () => {
    const first = await run(suite, app, { max_age: '10000' }, browser)
    const { payload } = await claimsIn(suite, app, first)
    const requests = [{}, { max_age: '10000' }, { id_token_hint: first.id_token }]
    for (const changes of requests) {
      const { url } = await open({ prompt: 'none', ...changes })
      const tokens = (await (await redeem(suite, app, url)).json()) as Awaited<ReturnType<typeof run>>
      const again = await claimsIn(suite, app, tokens)
      expect(again.payload.sub).toBe(payload.sub)
      if ('max_age' in changes) expect(again.payload['auth_time']).toBe(payload['auth_time'])
    }
  })

  test('oidcc-ensure-request-with-acr-values-succeeds', async () => {
    expect(await claims({ acr_values: 'password' })).toMatchObject({ acr: 'password' })
    expect(await claims({ acr_values: '1 2' })).toMatchObject({ acr: 'password' })
  })

  test('oidcc-codereuse, oidcc-codereuse-30seconds: what the code has bought is dead, too', async () => {
    const { url } = await goOn(browser, await open())
    const { access_token: token } = (await (await redeem(suite, app, url)).json()) as { access_token: string }
    expect((await userinfo(suite, token)).status).toBe(200)
    const again = await redeem(suite, app, url)
    expect([again.status, await again.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_grant' }),
    ])
    expect((await userinfo(suite, token)).status).toBe(401)
  })

  test('oidcc-ensure-registered-redirect-uri', async () => {
    const page = await open({ redirect_uri: 'https://suite.example/another' })
    expect([page.status, page.url.origin]).toEqual([400, suite.origin])
  })

  test('oidcc-ensure-post-request-succeeds', async () => {
    const { origin, pathname, searchParams } = authorizationUrl(suite, app)
    const page = await browser.post(new URL(origin + pathname), Object.fromEntries(searchParams))
    const { url } = await goOn(browser, page)
    expect(url.searchParams.has('code')).toBe(true)
  })

  test('oidcc-server-client-secret-post', async () => {
    const { url } = await goOn(browser, await open())
    const answer = await redeem(suite, app, url, { client_id: app.key.id, client_secret: app.secret })
    expect(answer.status).toBe(200)
  })

  test.each([
    ['oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported', 'request_uri'],
    ['oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported', 'request'],
    ['oidcc-ensure-request-object-with-redirect-uri', 'request'],
  ])('%s', async (_module, name) => {
    const value = name === 'request' ? 'eyJhbGciOiJub25lIn0.e30.' : 'https://suite.example/request.jwt'
    const { url } = await open({ [name]: value })
    expect([url.origin + url.pathname, url.searchParams.get('error')]).toEqual([
      callback,
      `${name}_not_supported`,
    ])
  })

  test('oidcc-claims-essential: the claim is in userinfo, where it was asked for, once the person has agreed', async () => {
    const asking = { claims: '{"userinfo":{"name":{"essential":true}}}' }
    const page = await goOn(browser, await open({ prompt: 'consent' }))
    expect(page.url.searchParams.has('code')).toBe(true)
    const consent = await open(asking)
    expect(consent.text).toContain('See your name')
    const { url } = await goOn(browser, consent)
    const tokens = (await (await redeem(suite, app, url)).json()) as Awaited<ReturnType<typeof run>>
    expect((await claimsIn(suite, app, tokens)).payload).not.toHaveProperty('name')
    expect(await (await userinfo(suite, tokens.access_token)).json()).toMatchObject({ name: 'Ann North' })
  })

  test('oidcc-refresh-token', async () => {
    const other = await suite.addApp()
    const first = await run(suite, app, { scope: 'openid offline_access', prompt: 'consent' }, browser)
    const { payload } = await claimsIn(suite, app, first)
    const form = { grant_type: 'refresh_token', refresh_token: first.refresh_token ?? '' }
    expect((await postToken(suite, form, basic(other))).status).toBe(400)
    const second = (await (await postToken(suite, form, basic(app))).json()) as typeof first
    expect(second.access_token).not.toBe(first.access_token)
    const { payload: refreshed } = await claimsIn(suite, app, second)
    const { iss, sub, aud, auth_time: signedInAt } = payload
    expect(refreshed).toMatchObject({
      iss,
      sub,
      aud,
      ...(signedInAt !== undefined && { auth_time: signedInAt }),
    })
    expect((await userinfo(suite, second.access_token)).status).toBe(200)
  })
})

describe('oidcc-formpost-basic-certification-test-plan', () => {
  test('the answer comes as a form of the very page, which no policy of ours keeps from being sent', async () => {
    const page = await goOn(browser, await open({ response_mode: 'form_post' }))
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const [, action] = /<form method="post" action="([^"]*)"/.exec(page.text) ?? []
    const fields = [...page.text.matchAll(/name="(code|state|iss)" value="([^"]+)"/g)].map(([, name]) => name)
    expect([action, fields.toSorted()]).toEqual([callback, ['code', 'iss', 'state']])
    expect(page.headers.get('content-security-policy')).not.toMatch(/form-action|script-src|default-src/)
  })
})
