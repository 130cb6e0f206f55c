import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answerTo,
  fill,
  type Ground,
  metadataOf,
  redirectUri,
  requestOf,
  signingIn,
  startGround,
} from './attack.ts'
import { Browser } from './browser.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())

/** Nothing went anywhere: the answer is an error here, and no address of an attacker is in its headers. */
async function expectRefusedHere(url: URL): Promise<void> {
  const answer = await fetch(url, { redirect: 'manual', headers: { accept: 'text/html' } })
  expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect(answer.headers.get('referrer-policy')).toMatch(/^(no-referrer|same-origin)$/)
}

/** The app was told with an error, and got nothing else. */
async function expectToldToApp(url: URL, error: string): Promise<void> {
  const answer = await fetch(url, { redirect: 'manual' })
  expect(answer.status).toBe(303)
  const back = new URL(answer.headers.get('location') ?? '')
  expect(back.origin + back.pathname).toBe(redirectUri)
  // RFC 6749 §4.2.2.1: what would have come in the fragment is refused there.
  const { error_description, ...told } = Object.fromEntries([
    ...back.searchParams,
    ...new URLSearchParams(back.hash.slice(1)),
  ])
  expect(told).toEqual({ error, iss: ground.issuer, state: 'state-of-the-app' })
  expect(error_description ?? '').not.toMatch(/secret|password|https?:/)
}

describe('RFC 9700 §2.1, §4.1.3: redirect URIs are compared letter by letter', () => {
  test.each([
    ['another host', 'https://evil.example/callback'],
    ['another scheme', 'http://app.example/callback'],
    ['another letter case of the path', 'https://app.example/Callback'],
    ['another letter case of the host', 'https://APP.example/callback'],
    ['another letter case of the scheme', 'HTTPS://app.example/callback'],
    ['a trailing slash', 'https://app.example/callback/'],
    ['no path', 'https://app.example'],
    ['a path below', 'https://app.example/callback/more'],
    ['path traversal', 'https://app.example/callback/../callback'],
    ['path traversal away', 'https://app.example/callback/../open?to=//evil.example'],
    ['encoded path traversal', 'https://app.example/callback/%2e%2e/x'],
    ['a dot segment', 'https://app.example/./callback'],
    ['two slashes', 'https://app.example//callback'],
    ['a back slash', 'https://app.example\\callback'],
    ['an encoded letter', 'https://app.example/c%61llback'],
    ['a user', 'https://user@app.example/callback'],
    ['the host as a user', 'https://app.example@evil.example/callback'],
    ['the host as a user, with a back slash', 'https://evil.example\\@app.example/callback'],
    ['a fragment', 'https://app.example/callback#'],
    ['a fragment with something in it', 'https://app.example/callback#x'],
    ['a query', 'https://app.example/callback?'],
    ['a query with something in it', 'https://app.example/callback?next=https://evil.example'],
    ['a parameter of the answer', 'https://app.example/callback?code=x'],
    ['the port that is implied', 'https://app.example:443/callback'],
    ['another port', 'https://app.example:8443/callback'],
    ['a host below', 'https://x.app.example/callback'],
    ['a host that begins so', 'https://app.example.evil.example/callback'],
    ['a host with a final dot', 'https://app.example./callback'],
    ['a space before', ' https://app.example/callback'],
    ['a line feed after', 'https://app.example/callback\n'],
    ['a NUL after', 'https://app.example/callback\0'],
    ['no scheme', '//app.example/callback'],
    ['a path alone', '/callback'],
    ['nothing', ''],
    ['a script', 'javascript:alert(1)//https://app.example/callback'],
    ['data', 'data:text/html,https://app.example/callback'],
    ['look-alike letters', 'https://аpp.example/callback'],
  ])('%s is refused, and nobody is redirected', async (_what, uri) => {
    await expectRefusedHere(requestOf(ground, { redirect_uri: uri }).url)
  })

  test('a redirect URI must be said, also where only one is registered (RFC 9700 §4.1.3, OAuth 2.1 §4.1.1)', async () => {
    await expectRefusedHere(requestOf(ground, { redirect_uri: undefined }).url)
  })

  test('two redirect URIs are none', async () => {
    for (const second of ['https://evil.example/', redirectUri]) {
      const { url } = requestOf(ground)
      url.searchParams.append('redirect_uri', second)
      await expectRefusedHere(url)
    }
  })

  test('a native app on this machine may use any port of the loopback address, and nothing else of it may differ (RFC 8252 §7.3)', async () => {
    const app = await ground.addApp({
      applicationType: 'native',
      redirectUris: ['http://127.0.0.1/back', 'com.example.app:/back'],
    })
    const at = (redirect_uri: string) => requestOf({ ...ground, app }, { redirect_uri })
    const back = await answerTo(ground, at('http://127.0.0.1:51234/back'))
    expect(`${back.origin}${back.pathname} ${back.searchParams.has('code')}`).toBe(
      'http://127.0.0.1:51234/back true',
    )
    for (const uri of [
      'http://127.0.0.1:51234/other',
      'http://127.0.0.1:51234/back?x',
      'http://127.0.0.2:51234/back',
      'http://localhost:51234/back',
      'http://[::1]:51234/back',
      'https://127.0.0.1:51234/back',
      'http://user@127.0.0.1:51234/back',
      'http://127.0.0.1:51234@evil.example/back',
      'http://127.0.0.1.evil.example/back',
      'http://127.0.0.1:51234\\@evil.example/back',
      'http://2130706433:51234/back',
      'com.example.app://evil/back',
      'com.example.app:/Back',
    ])
      await expectRefusedHere(at(uri).url)
  })

  test('a web app may not choose a port', async () => {
    const app = await ground.addApp({ redirectUris: ['http://127.0.0.1/back'] })
    await expectRefusedHere(requestOf({ ...ground, app }, { redirect_uri: 'http://127.0.0.1:9/back' }).url)
  })
})

describe('RFC 9700 §4.11: the authorization endpoint is no open redirector', () => {
  const evil = 'https://evil.example/'

  test.each<[string, Record<string, string | undefined>]>([
    ['an unknown app', { client_id: 'key_00000000000000000000000000' }],
    ['no app', { client_id: undefined }],
    ['an app that is no id', { client_id: '../../x' }],
    ['a response type that is not served', { response_type: 'token' }],
    ['a scope that nobody knows', { scope: '\0' }],
    ['no code challenge', { code_challenge: undefined }],
    ['prompt none', { prompt: 'none' }],
    ['a prompt that nobody knows', { prompt: 'x' }],
    ['a response mode', { response_mode: 'fragment' }],
    ['a form post', { response_mode: 'form_post' }],
    ['a web message', { response_mode: 'web_message' }],
    ['a request object', { request: 'e30.e30.' }],
    ['a request URI', { request_uri: 'https://evil.example/request' }],
    ['a registration', { registration: '{}' }],
    ['a resource', { resource: 'https://evil.example/' }],
    ['a max_age that is no number', { max_age: '-1' }],
  ])('%s does not lead to an address that is not registered', async (_what, changes) => {
    await expectRefusedHere(requestOf(ground, { redirect_uri: evil, ...changes }).url)
  })

  test('an app that is unknown, disabled or of another service cannot be told apart, and nobody is redirected', async () => {
    const disabled = await ground.addApp({ state: { kind: 'disabled', disabledAt: 1 } })
    const elsewhere = await ground.addService({ slug: 'elsewhere' })
    const foreign = await ground.addApp({ serviceId: elsewhere.id })
    const machine = await ground.addKey()
    const ids = ['key_00000000000000000000000000', disabled.key.id, foreign.key.id, machine.key.id]
    const bodies = new Set<string>()
    for (const client_id of ids) {
      const { url } = requestOf(ground, { client_id })
      await expectRefusedHere(url)
      bodies.add((await (await fetch(url)).text()).replaceAll(client_id, 'id').replaceAll(/[\w-]{36}/g, 'id'))
    }
    expect([...bodies]).toHaveLength(1)
  })

  test('a person who says no is sent to the app, without anything of what was asked', async () => {
    const request = requestOf(ground)
    const browser = new Browser(ground.origin)
    const seen = await fill(browser, await browser.open(request.url), { ...signingIn, decision: 'deny' })
    expect(Object.fromEntries(seen.url.searchParams)).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      iss: ground.issuer,
      state: 'state-of-the-app',
    })
  })
})

describe('RFC 9700 §2.1.2, §2.4: neither the implicit nor the password grant', () => {
  test.each([
    'token',
    'id_token',
    'id_token token',
    'code id_token',
    'code token',
    'code id_token token',
    'none',
    'Code',
    'x',
  ])('the response type %s is refused', async (response_type) => {
    await expectToldToApp(requestOf(ground, { response_type, nonce: 'n' }).url, 'unsupported_response_type')
  })

  test('neither is said to be supported', async () => {
    const metadata = await metadataOf(ground)
    expect(metadata).toMatchObject({ response_types_supported: ['code'] })
    expect(metadata['grant_types_supported']).not.toContain('implicit')
    expect(metadata['grant_types_supported']).not.toContain('password')
  })
})

describe('RFC 9700 §2.1.1, §4.8: PKCE', () => {
  test.each<[string, Record<string, string | undefined>]>([
    ['none', { code_challenge: undefined, code_challenge_method: undefined }],
    ['a method alone', { code_challenge: undefined }],
    ['the method plain, which is the default', { code_challenge_method: undefined }],
    ['the method plain', { code_challenge_method: 'plain' }],
    ['a method that nobody knows', { code_challenge_method: 's256' }],
    ['a challenge that is too short', { code_challenge: 'x'.repeat(42) }],
    ['a challenge that is too long', { code_challenge: 'x'.repeat(129) }],
    ['a challenge with other letters', { code_challenge: '='.repeat(43) }],
    ['an empty challenge', { code_challenge: '' }],
  ])('%s is refused, for a confidential app too', async (_what, changes) => {
    await expectToldToApp(requestOf(ground, changes).url, 'invalid_request')
  })

  test('a nonce is no replacement, unless a service says so', async () => {
    await expectToldToApp(
      requestOf(ground, { code_challenge: undefined, code_challenge_method: undefined, nonce: 'n' }).url,
      'invalid_request',
    )
  })

  test('S256 is the one method that is said to be supported', async () => {
    const metadata = await metadataOf(ground)
    expect(metadata['code_challenge_methods_supported']).toEqual(['S256'])
  })
})

describe('OAuth 2.1 §3.1: parameters of the authorization request', () => {
  test.each([
    'response_type',
    'scope',
    'state',
    'code_challenge',
    'code_challenge_method',
    'prompt',
    'nonce',
    'organization',
    'login_hint',
  ])('%s twice is refused', async (name) => {
    const { url } = requestOf(ground)
    if (!url.searchParams.has(name)) url.searchParams.append(name, 'x')
    url.searchParams.append(name, 'x')
    const answer = await fetch(url, { redirect: 'manual' })
    const location = answer.headers.get('location')
    const told: unknown =
      location === null ? await answer.json() : Object.fromEntries(new URL(location).searchParams)
    expect(told).toMatchObject({ error: 'invalid_request' })
    if (location !== null) expect(location.startsWith(`${redirectUri}?`)).toBe(true)
  })

  test('two apps are none', async () => {
    const { url } = requestOf(ground)
    url.searchParams.append('client_id', ground.app.key.id)
    await expectRefusedHere(url)
  })

  test('what is not known is ignored, and an empty value is none', async () => {
    const { url } = requestOf(ground, { unknown: 'x', nonce: '' })
    expect((await answerTo(ground, { url, verifier: '' })).searchParams.has('code')).toBe(true)
  })

  test('only GET is served by default, so that no site can post a request', async () => {
    const answer = await fetch(requestOf(ground).url, { method: 'POST' })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET'])
  })

  test('request objects and addresses of them are refused: nothing is fetched for a stranger', async () => {
    await expectToldToApp(requestOf(ground, { request: 'e30.e30.' }).url, 'request_not_supported')
    await expectToldToApp(
      requestOf(ground, { request_uri: 'https://evil.example/' }).url,
      'request_uri_not_supported',
    )
  })
})

describe('RFC 9700 §4.4.2.1: mix-up', () => {
  test('each answer says who gives it (RFC 9207), and the metadata promises it', async () => {
    const back = await answerTo(ground, requestOf(ground))
    expect(back.searchParams.get('iss')).toBe(ground.issuer)
    const metadata = await metadataOf(ground)
    expect(metadata['authorization_response_iss_parameter_supported']).toBe(true)
    expect(metadata['issuer']).toBe(ground.issuer)
  })

  test('each service is an issuer of its own, whatever Host says', async () => {
    await ground.addService({ slug: 'second' })
    const answer = await ground.raw('GET /second/.well-known/oauth-authorization-server', {
      host: 'evil.example',
    })
    expect(answer).toContain(`"issuer":"${ground.origin}/second"`)
    expect(answer).not.toContain('evil.example')
  })
})

test('nothing of this was a fault of ours', () => {
  expect(ground.faults).toEqual([])
})
