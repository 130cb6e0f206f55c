import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Browser } from './browser.ts'
import type { IssuedKey } from './fixture.ts'
import { authorizationUrl, claimsIn, goOn, redeem, type Suite, startSuite, type Tokens } from './suite.ts'

let suite: Suite
let app: IssuedKey
beforeAll(async () => {
  suite = await startSuite('ES256')
  app = await suite.addApp({ postLogoutRedirectUris: ['https://suite.example/goodbye'] })
})
afterAll(() => suite.stop())

let browser: Browser
beforeEach(() => {
  browser = new Browser(suite.origin)
})

type Changes = Record<string, string | undefined>
const challenge = createHash('sha256').update('v'.repeat(43)).digest('base64url')
const withPkce = { code_challenge: challenge, code_challenge_method: 'S256' }
const withoutPkce = { code_challenge: undefined, code_challenge_method: undefined }
const open = (changes: Changes = {}, of = app) =>
  browser.open(authorizationUrl(suite, of, { ...withPkce, ...changes }))
const errorOf = async (changes: Changes, of = app) => (await open(changes, of)).url.searchParams.get('error')

describe('POST at the authorization endpoint (OpenID Connect Core §3.1.2.1)', () => {
  const post = (parameters: URLSearchParams | string, type = 'application/x-www-form-urlencoded') =>
    fetch(`${suite.issuer}/oauth/authorize`, {
      method: 'POST',
      redirect: 'manual',
      body: parameters.toString(),
      headers: { 'content-type': type },
    })
  const { searchParams } = new URL('https://suite.example/?scope=openid&state=a%26b&scope=twice')

  test('is refused where the service does not say so, and so is one that is under way', async () => {
    await suite.set({ authorize_by_post: false })
    const answer = await post(searchParams)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET'])
    await suite.set({ authorize_by_post: true })
    const below = await fetch(`${suite.issuer}/oauth/authorize/abc`, { method: 'POST' })
    expect([below.status, below.headers.get('allow')]).toEqual([405, 'GET'])
  })

  test('goes on as the GET that means the same, parameters that come twice included', async () => {
    await suite.set({ authorize_by_post: true })
    const answer = await post(searchParams)
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      '/clinic/oauth/authorize?scope=openid&state=a%26b&scope=twice',
    ])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('set-cookie')).toBe(null)
  })

  test('takes forms alone, and no more than fits into an address', async () => {
    await suite.set({ authorize_by_post: true })
    expect((await post('{}', 'application/json')).status).toBe(400)
    expect((await post(`state=${'x'.repeat(8_000)}`)).status).toBe(413)
    expect((await post(`state=${'ä'.repeat(2_000)}`)).status).toBe(413)
    expect((await post('x'.repeat(60_000))).status).toBe(413)
  })

  test('leaves cookies as they are: none is sent by other sites', async () => {
    await suite.set({ authorize_by_post: true })
    await open()
    const set = browser.trail.flatMap(({ answer }) => answer.headers.getSetCookie())
    expect(set.length).toBeGreaterThan(0)
    expect(set.filter((cookie) => !/; samesite=lax(;|$)/i.test(cookie))).toEqual([])
  })
})

test('a request to sign out may come by POST, too (RP-Initiated Logout 1.0 §2)', async () => {
  await goOn(browser, await open())
  const page = await browser.post(new URL(`${suite.issuer}/oauth/logout`), {
    client_id: app.key.id,
    post_logout_redirect_uri: 'https://suite.example/goodbye',
    state: 's',
  })
  expect(page.text).toContain('Conformance')
  expect((await browser.submit(page, {})).url.href).toBe('https://suite.example/goodbye?state=s')
})

describe('who may leave PKCE out (RFC 9700 §2.1.1)', () => {
  let openApp: IssuedKey
  beforeAll(async () => {
    openApp = await suite.addApp({ authentication: { kind: 'none' } })
  })

  type Case = readonly [
    'required' | 'not_for_confidential_with_nonce',
    'confidential' | 'public',
    boolean,
    boolean,
  ]
  test.each<readonly [...Case, boolean]>([
    // rule, client, nonce, in the list of exceptions, let off
    ['required', 'confidential', true, false, false],
    ['required', 'confidential', false, false, false],
    ['required', 'public', true, false, false],
    ['not_for_confidential_with_nonce', 'confidential', true, false, true],
    ['not_for_confidential_with_nonce', 'confidential', false, false, false],
    ['not_for_confidential_with_nonce', 'public', true, false, false],
    ['not_for_confidential_with_nonce', 'public', false, false, false],
    ['required', 'confidential', false, true, true],
    ['required', 'public', false, true, true],
  ])(
    '%s, %s, with a nonce: %s, in the list: %s; let off: %s',
    async (pkce, client, hasNonce, isListed, isLetOff) => {
      const of = client === 'public' ? openApp : app
      await suite.set({ pkce, conformance_exempt_pkce_client_ids: isListed ? [of.key.id] : ['key_another'] })
      const nonce = hasNonce ? 'n' : undefined
      const error = await errorOf({ ...withoutPkce, nonce, prompt: 'none' }, of)
      expect(error).toBe(isLetOff ? 'login_required' : 'invalid_request')
      await suite.set({ pkce: 'required', conformance_exempt_pkce_client_ids: [] })
    },
  )

  test('plain is never a method, and a code bought without PKCE takes no verifier', async () => {
    await suite.set({ pkce: 'not_for_confidential_with_nonce' })
    expect(await errorOf({ code_challenge_method: 'plain' })).toBe('invalid_request')
    const { url } = await goOn(browser, await open(withoutPkce))
    expect((await redeem(suite, app, url, { code_verifier: 'v'.repeat(43) })).status).toBe(400)
    await suite.set({ pkce: 'required' })
  })
})

describe('how well somebody has signed in: acr', () => {
  const claimsOf = async (back: URL) => {
    const answer = await redeem(suite, app, back, { code_verifier: 'v'.repeat(43) })
    return (await claimsIn(suite, app, (await answer.json()) as Tokens)).payload
  }
  const essential = (...values: string[]) => ({
    claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
  })
  const asksToSignIn = /name="(email|password)"/

  test('a password is what the service says, and nothing where it says nothing', async () => {
    await suite.set({ acr_values: ['pwd', 'strong'], password_acr: null })
    const { url } = await goOn(browser, await open({ acr_values: 'pwd' }))
    expect(await claimsOf(url)).not.toHaveProperty('acr')
    await suite.set({ password_acr: 'pwd' })
    browser = new Browser(suite.origin)
    const again = await goOn(browser, await open({ acr_values: 'pwd' }))
    expect(await claimsOf(again.url)).toMatchObject({ acr: 'pwd' })
  })

  test('a wish is asked for once, if the service knows it, and is no error (§3.1.2.1)', async () => {
    await goOn(browser, await open())
    expect((await open({ acr_values: 'unheard-of' })).url.searchParams.has('code')).toBe(true)
    expect((await open({ acr_values: 'pwd' })).url.searchParams.has('code')).toBe(true)
    expect((await open({ acr_values: 'strong', prompt: 'none' })).url.searchParams.has('code')).toBe(true)
    const page = await open({ acr_values: 'strong' })
    expect(page.text).toMatch(asksToSignIn)
    const { url } = await goOn(browser, page)
    expect(await claimsOf(url)).toMatchObject({ acr: 'pwd' })
  })

  test('what is essential is there, or the app is told that it cannot be (§5.5.1.1)', async () => {
    const met = await goOn(browser, await open(essential('strong', 'pwd')))
    expect(await claimsOf(met.url)).toMatchObject({ acr: 'pwd' })
    expect(await errorOf({ ...essential('strong'), prompt: 'none' })).toBe(
      'unmet_authentication_requirements',
    )
    const page = await open(essential('strong'))
    expect(page.text).toMatch(asksToSignIn)
    const { url } = await goOn(browser, page)
    expect([url.searchParams.get('error'), url.searchParams.has('code')]).toEqual([
      'unmet_authentication_requirements',
      false,
    ])
  })

  test.each([
    ['one value', { id_token: { acr: { essential: true, value: 'strong' } } }],
    ['a wish beside it', { id_token: { acr: { essential: true, values: ['strong'] } } }],
  ])('is as essential with %s', async (what, claims) => {
    const wish = what === 'one value' ? {} : { acr_values: 'pwd' }
    const { url } = await goOn(browser, await open({ claims: JSON.stringify(claims), ...wish }))
    expect(url.searchParams.get('error')).toBe('unmet_authentication_requirements')
  })
})

describe('the parameter claims (OpenID Connect Core §5.5)', () => {
  test.each(['', '[]', '{', '{"userinfo":[]}', '{"id_token":{"acr":"x"}}', '{"x":{}}'])(
    '%s is refused',
    async (claims) => {
      const error = await errorOf({ claims, prompt: 'none' })
      expect(error).toBe(claims === '' ? 'login_required' : 'invalid_request')
    },
  )

  test('tells nothing that the page of consent does not say', async () => {
    await goOn(browser, await open({ prompt: 'consent' }))
    const asking = { claims: '{"id_token":{"email":null,"phone_number":null}}' }
    expect(await errorOf({ ...asking, prompt: 'none' })).toBe('consent_required')
    const page = await open(asking)
    expect(page.text).toContain('See your e-mail address')
    const { url } = await goOn(browser, page)
    const tokens = await redeem(suite, app, url, { code_verifier: 'v'.repeat(43) })
    const { payload } = await claimsIn(suite, app, (await tokens.json()) as Tokens)
    expect(payload).toMatchObject({ email: 'ann@north.example' })
    expect(payload).not.toHaveProperty('name')
    expect(payload).not.toHaveProperty('phone_number')
  })
})
