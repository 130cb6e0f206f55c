import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { fill, signingIn } from './attack.ts'
import { Browser, type Seen } from './browser.ts'
import { fapiClient, holder } from './fapi-client.ts'
import { basic } from './fixture.ts'
import { callback, claimsIn, goOn, profile, type Suite, startSuite, type Tokens } from './suite.ts'

// Each test is named after the module of OpenID's conformance suite whose questions it asks; what stands for
// `fapi2-security-profile-final-` in each name there is left out.

type Client = Awaited<ReturnType<typeof fapiClient>>

let suite: Suite
let client: Client
let other: Client
beforeAll(async () => {
  suite = await startSuite('ES256', profile('fapi2'))
  client = await fapiClient(suite)
  other = await fapiClient(suite, 'PS256')
})
afterAll(() => suite.stop())

let browser: Browser
beforeEach(() => {
  browser = new Browser(suite.origin)
})

async function outcome(answer: Response): Promise<readonly [number, unknown]> {
  const body = (await answer.json()) as { readonly error?: string }
  return [answer.status, body.error]
}
const expectRefused = async (answer: Response, ...errors: readonly string[]) => {
  const [status, error] = await outcome(answer)
  expect([400, 401]).toContain(status)
  expect(errors).toContain(error)
}
const at = ({ url }: Seen) => ({ place: url.origin + url.pathname, ...Object.fromEntries(url.searchParams) })
const userinfoUrl = () => `${suite.issuer}/oauth/userinfo`
const userinfo = async (token: string, scheme = 'DPoP', of = client) => {
  const ath = createHash('sha256').update(token).digest('base64url')
  const proof = await of.dpop.prove(userinfoUrl(), { ath }, 'GET')
  return fetch(userinfoUrl(), { headers: { authorization: `${scheme} ${token}`, DPoP: proof } })
}
async function later<T>(seconds: number, run: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
  try {
    return await run()
  } finally {
    vi.useRealTimers()
  }
}

test.each(['openid-configuration', 'oauth-authorization-server'])(
  'discovery-end-point-verification: %s',
  async (name) => {
    const metadata: unknown = await (await fetch(`${suite.issuer}/.well-known/${name}`)).json()
    const algorithms = ['ES256', 'EdDSA', 'Ed25519', 'PS256']
    expect(metadata).toMatchObject({
      issuer: suite.issuer,
      require_pushed_authorization_requests: true,
      pushed_authorization_request_endpoint: client.parUrl,
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
      dpop_signing_alg_values_supported: algorithms,
      id_token_signing_alg_values_supported: ['ES256'],
      userinfo_signing_alg_values_supported: ['ES256'],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: algorithms,
      revocation_endpoint_auth_methods_supported: ['private_key_jwt'],
    })
  },
)

describe('the flow', () => {
  test('happy-flow, with OpenID Connect', async () => {
    const pushed = await client.push()
    expect(pushed.status).toBe(201)
    expect(((await pushed.json()) as { expires_in: number }).expires_in).toBeLessThan(600)
    const back = await client.answer(browser)
    expect(at(back)).toMatchObject({ place: callback, iss: suite.issuer, state: 'state-of-the-suite' })
    expect(browser.trail.flatMap(({ answer }) => (answer.status > 299 ? [answer.status] : []))).not.toContain(
      307,
    )
    const tokens = (await (await client.redeem(back)).json()) as Tokens
    expect(tokens).toMatchObject({ token_type: 'DPoP', scope: 'openid' })
    const { payload, protectedHeader } = await claimsIn(suite, { key: client.key, secret: '' }, tokens)
    expect([protectedHeader.alg, payload['nonce']]).toEqual(['ES256', 'nonce-of-the-suite'])
    expect((await userinfo(tokens.access_token)).status).toBe(200)
  })

  test('happy-flow, with plain OAuth: no ID token', async () => {
    const tokens = await client.run(browser, { scope: 'patients:read', nonce: undefined })
    expect(tokens).toMatchObject({ token_type: 'DPoP', scope: 'patients:read' })
    expect(tokens).not.toHaveProperty('id_token')
  })

  test('happy-flow, with client credentials', async () => {
    const DPoP = await client.dpop.prove(client.tokenUrl)
    const form = { grant_type: 'client_credentials', ...(await client.proof()) }
    expect(await (await client.post('token', form, { DPoP })).json()).toMatchObject({ token_type: 'DPoP' })
  })

  test('user-rejects-authentication', async () => {
    const page = await browser.open(await client.reference({ prompt: 'consent' }))
    const consent = await fill(browser, page, signingIn)
    const back = await browser.submit(consent, { decision: 'deny' })
    expect(at(back)).toMatchObject({
      place: callback,
      error: 'access_denied',
      iss: suite.issuer,
      state: expect.any(String),
    })
  })

  test.each([
    ['ensure-authorization-request-without-state-success', { state: undefined }],
    ['ensure-authorization-request-without-nonce-success', { nonce: undefined }],
    ['ensure-authorization-request-with-64-char-nonce-success', { nonce: 'n'.repeat(64) }],
    ['ensure-authorization-request-with-long-nonce', { nonce: 'n'.repeat(384) }],
    ['ensure-authorization-request-with-long-state', { state: 's'.repeat(384) }],
    ['ensure-other-scope-order-succeeds', { scope: 'email openid' }],
    [
      'test-claims-parameter-identity-claims',
      { claims: '{"id_token":{"email":null},"userinfo":{"name":{}}}' },
    ],
  ])('%s', async (_module, changes) => {
    const back = await client.answer(browser, changes)
    expect(at(back)).toMatchObject({ place: callback, code: expect.any(String) })
    const { state = 'state-of-the-suite', nonce = 'nonce-of-the-suite' } = changes as Record<string, string>
    expect(back.url.searchParams.get('state')).toBe(
      'state' in changes && changes.state === undefined ? null : state,
    )
    const tokens = (await (await client.redeem(back)).json()) as Tokens
    const { payload } = await claimsIn(suite, { key: client.key, secret: '' }, tokens)
    expect(payload['nonce']).toBe('nonce' in changes && changes.nonce === undefined ? undefined : nonce)
    if ('claims' in changes) {
      expect(payload).toMatchObject({ email: 'ann@north.example' })
      expect(await (await userinfo(tokens.access_token)).json()).toMatchObject({ name: 'Ann North' })
    }
  })

  test('access-token-type-header-case-sensitivity', async () => {
    const { access_token: token } = await client.run(browser)
    expect((await userinfo(token, 'dpop')).status).toBe(200)
    expect((await userinfo(token, 'DPOP')).status).toBe(200)
  })
})

describe('proofs of possession', () => {
  const proveAt = (claims: Record<string, unknown>) => client.dpop.prove(client.tokenUrl, claims)
  const now = () => Math.floor(Date.now() / 1000)

  test.each([
    ['check-dpop-proof-nbf-exp', () => ({ nbf: now(), exp: now() + 300 })],
    ['ensure-dpopproof-with-iat-10seconds-before-succeeds', () => ({ iat: now() - 10 })],
    ['ensure-dpopproof-with-iat-10seconds-after-succeeds', () => ({ iat: now() + 10 })],
  ])('%s', async (_module, claims) => {
    const back = await client.answer(browser)
    expect((await client.redeem(back, {}, { DPoP: await proveAt(claims()) })).status).toBe(200)
  })

  test('ensure-mismatched-dpop-jkt-fails', async () => {
    const [mine, theirs] = [client.dpop.thumbprint, (await holder()).thumbprint]
    const DPoP = await client.dpop.prove(client.parUrl)
    expect((await client.push({ dpop_jkt: mine }, {}, { DPoP })).status).toBe(201)
    const again = await client.dpop.prove(client.parUrl)
    await expectRefused(
      await client.push({ dpop_jkt: theirs }, {}, { DPoP: again }),
      'invalid_request',
      'invalid_dpop_proof',
    )
  })

  test('ensure-dpop-auth-code-binding-success, ensure-dpopproof-at-par-endpoint-binding-success', async () => {
    const bound = await client.answer(browser, { dpop_jkt: client.dpop.thumbprint })
    expect((await client.redeem(bound)).status).toBe(200)
    const proven = await client.answer(browser, {}, { DPoP: await client.dpop.prove(client.parUrl) })
    expect((await client.redeem(proven)).status).toBe(200)
  })

  test('ensure-token-endpoint-fails-with-mismatched-dpop-jkt, …-dpop-proof-jkt', async () => {
    const stranger = await holder()
    const bound = await client.answer(browser, { dpop_jkt: client.dpop.thumbprint })
    const DPoP = await stranger.prove(client.tokenUrl)
    await expectRefused(await client.redeem(bound, {}, { DPoP }), 'invalid_grant', 'invalid_dpop_proof')
    const proven = await client.answer(browser, {}, { DPoP: await client.dpop.prove(client.parUrl) })
    const again = await stranger.prove(client.tokenUrl)
    await expectRefused(
      await client.redeem(proven, {}, { DPoP: again }),
      'invalid_grant',
      'invalid_dpop_proof',
    )
  })

  test('ensure-holder-of-key-required', async () => {
    await expectRefused(
      await client.redeem(await client.answer(browser), {}, { DPoP: '' }),
      'invalid_grant',
      'invalid_dpop_proof',
    )
  })

  test('dpop-negative-tests: a proof signed with RS256, of another hour, for another token, or of another key', async () => {
    const rsa = await holder('RS256')
    const rs256 = await rsa.prove(client.tokenUrl)
    await expectRefused(
      await client.redeem(await client.answer(browser), {}, { DPoP: rs256 }),
      'invalid_dpop_proof',
    )
    const old = await proveAt({ iat: now() - 3600 })
    await expectRefused(
      await client.redeem(await client.answer(browser), {}, { DPoP: old }),
      'use_dpop_nonce',
    )
    const { access_token: token } = await client.run(browser)
    const withoutAth = await client.dpop.prove(userinfoUrl(), {}, 'GET')
    const bearer = { authorization: `Bearer ${token}` }
    for (const headers of [{ authorization: `DPoP ${token}`, DPoP: withoutAth }, bearer])
      expect([400, 401]).toContain((await fetch(userinfoUrl(), { headers })).status)
    expect((await userinfo(token, 'DPoP', other)).status).toBe(401)
  })
})

describe('what is pushed, and what is not', () => {
  test('ensure-unsigned-authorization-request-without-using-par-fails', async () => {
    const url = new URL(`${suite.issuer}/oauth/authorize?${new URLSearchParams(client.request)}`)
    const page = await browser.open(url)
    expect(page.url.searchParams.get('error') ?? String(page.status)).toMatch(/^(invalid_request|400)$/)
    expect(page.url.searchParams.has('code')).toBe(false)
  })

  test.each([
    ['ensure-request-object-without-redirect-uri-fails', { redirect_uri: undefined }, ['invalid_request']],
    ['ensure-redirect-uri-in-authorization-request', { redirect_uri: undefined }, ['invalid_request']],
    [
      'ensure-registered-redirect-uri, plain-fapi-tolerate-unregistered-redirect-uri',
      { redirect_uri: 'https://suite.example/another' },
      ['invalid_request'],
    ],
    [
      'ensure-response-type-code-idtoken-fails',
      { response_type: 'code id_token' },
      ['unsupported_response_type', 'invalid_request', 'unauthorized_client'],
    ],
    [
      'ensure-response-type-token-fails',
      { response_type: 'token' },
      ['unsupported_response_type', 'invalid_request', 'unauthorized_client'],
    ],
    [
      'par-ensure-pkce-required',
      { code_challenge: undefined, code_challenge_method: undefined },
      ['invalid_request'],
    ],
    ['par-plain-pkce-rejected', { code_challenge_method: 'plain' }, ['invalid_request']],
    [
      'par-authorization-request-containing-request_uri-form-param',
      { request_uri: 'urn:ietf:params:oauth:request_uri:x' },
      ['invalid_request', 'request_uri_not_supported'],
    ],
  ])('%s', async (_module, changes, errors) => {
    await expectRefused(await client.push(changes), ...errors)
  })

  test('ensure-different-state-inside-and-outside-request-object, state-only-outside-request-object-not-used', async () => {
    const url = await client.reference()
    url.searchParams.set('state', 'another')
    const { state } = Object.fromEntries((await goOn(browser, await browser.open(url))).url.searchParams)
    expect(state).toBe('state-of-the-suite')
    const without = await client.reference({ state: undefined })
    without.searchParams.set('state', 'another')
    expect((await goOn(browser, await browser.open(without))).url.searchParams.has('state')).toBe(false)
  })

  test('par-ensure-reused-request-uri-prior-to-auth-completion-succeeds, par-attempt-reuse-request_uri', async () => {
    const url = await client.reference()
    await new Browser(suite.origin).open(url)
    const back = await goOn(browser, await browser.open(url))
    expect(back.url.searchParams.has('code')).toBe(true)
    const again = await browser.open(url)
    expect([again.status, again.url.origin]).toEqual([400, suite.origin])
  })

  test('par-attempt-to-use-expired-request_uri', async () => {
    const url = await client.reference()
    const page = await later(61, () => browser.open(url))
    expect([page.status, page.url.origin]).toEqual([400, suite.origin])
  })

  test('par-attempt-to-use-request_uri-for-different-client', async () => {
    const url = await client.reference()
    url.searchParams.set('client_id', other.clientId)
    const page = await browser.open(url)
    expect([page.status, page.url.origin]).toEqual([400, suite.origin])
  })

  test('par-attempt-invalid-http-method', async () => {
    for (const method of ['GET', 'PUT']) expect((await fetch(client.parUrl, { method })).status).toBe(405)
  })

  test('par-without-duplicate-parameters, and with them it is refused', async () => {
    const parameters = new URLSearchParams({ ...client.request, ...(await client.proof()) })
    parameters.append('scope', 'openid')
    await expectRefused(await client.post('par', parameters), 'invalid_request')
    expect((await client.push()).status).toBe(201)
  })
})

describe('assertions', () => {
  const now = () => Math.floor(Date.now() / 1000)

  test('ensure-signed-client-assertion-with-RS256-fails', async () => {
    const rsa = await fapiClient(suite, 'PS256')
    const rs256 = await fapiClient(suite, 'RS256')
    expect((await rsa.push()).status).toBe(201)
    await expectRefused(await rs256.push(), 'invalid_client')
  })

  test('ensure-client-id-in-token-endpoint, ensure-client-assertion-in-token-endpoint: nobody else, and not nobody', async () => {
    const back = await client.answer(browser)
    const theirs = await other.proof()
    await expectRefused(await client.redeem(back, theirs), 'invalid_grant', 'invalid_client')
    const none = { client_assertion: undefined, client_assertion_type: undefined, client_id: client.clientId }
    await expectRefused(await client.redeem(await client.answer(browser), none), 'invalid_client')
  })

  test.each<[string, () => Record<string, unknown>]>([
    ['ensure-client-assertion-with-exp-is-5-minutes-in-past-fails', () => ({ exp: now() - 300 })],
    ['ensure-client-assertion-with-wrong-aud-fails', () => ({ aud: 'https://other.example' })],
    ['ensure-client-assertion-with-no-sub-fails', () => ({ sub: undefined })],
    [
      'par-ensure-jwt-client-assertion-with-iat-nbf-over-60-seconds-fails',
      () => ({ iat: now() + 65, nbf: now() + 65 }),
    ],
    ['the same with iat alone', () => ({ iat: now() + 65 })],
    ['par-test-array-as-audience-fails', () => ({ aud: [suite.issuer, 'https://other.example'] })],
    ['an array of the issuer alone fails, too', () => ({ aud: [suite.issuer] })],
    ['par-test-par-endpoint-url-as-audience-fails', () => ({ aud: client.parUrl })],
    ['par-test-token-endpoint-url-as-audience-fails', () => ({ aud: client.tokenUrl })],
  ])('%s', async (_module, claims) => {
    await expectRefused(await client.push({}, claims()), 'invalid_client')
    const back = await client.answer(browser)
    await expectRefused(await client.redeem(back, {}, { claims: claims() }), 'invalid_client')
  })

  test('par-ensure-jwt-client-assertion-with-iat-nbf-8-seconds-in-the-future-is-accepted', async () => {
    expect((await client.push({}, { iat: now() + 8, nbf: now() + 8 })).status).toBe(201)
  })

  test('no other way to prove oneself is taken, but from who guards the API and introspects', async () => {
    const secret = await suite.addApp()
    const open = await suite.addApp({ authentication: { kind: 'none' } })
    const form = { grant_type: 'client_credentials' }
    const DPoP = await client.dpop.prove(client.tokenUrl)
    await expectRefused(await client.post('token', form, { ...basic(secret), DPoP }), 'invalid_client')
    const theirs = { ...client.request, client_id: secret.key.id }
    await expectRefused(await client.post('par', theirs, basic(secret)), 'invalid_client')
    await expectRefused(
      await client.post('par', { ...client.request, client_id: open.key.id }),
      'invalid_client',
    )
    const latchkey = await suite.addService({ slug: 'latchkey', audience: suite.origin })
    const guard = await suite.addKey({
      ...{ organizationId: suite.operator.id, serviceId: latchkey.id, guardsServiceId: suite.service.id },
    })
    const { access_token: token } = await client.run(browser, { scope: 'patients:read', nonce: undefined })
    expect(await (await client.post('introspect', { token }, basic(guard))).json()).toMatchObject({
      active: true,
    })
  })
})

describe('codes and refresh tokens', () => {
  test('ensure-authorization-code-is-bound-to-client', async () => {
    await expectRefused(await other.redeem(await client.answer(browser)), 'invalid_grant')
  })

  test('attempt-reuse-authorization-code-after-one-second', async () => {
    const back = await client.answer(browser)
    const { access_token: token } = (await (await client.redeem(back)).json()) as Tokens
    expect((await userinfo(token)).status).toBe(200)
    await expectRefused(await client.redeem(back), 'invalid_grant')
    expect((await userinfo(token)).status).toBe(401)
  })

  test('ensure-token-endpoint-fails-with-expired-auth-code', async () => {
    const back = await client.answer(browser)
    await expectRefused(await later(62, () => client.redeem(back)), 'invalid_grant')
  })

  test('ensure-pkce-code-verifier-required, incorrect-pkce-code-verifier-rejected', async () => {
    for (const code_verifier of [undefined, 'w'.repeat(43)])
      await expectRefused(
        await client.redeem(await client.answer(browser), { code_verifier }),
        'invalid_grant',
        'invalid_request',
      )
  })

  test('refresh-token: not rotated, good again later than any grace, for its client and with its proof alone', async () => {
    const asked = { scope: 'openid offline_access', prompt: 'consent' }
    const { refresh_token: first = '' } = await client.run(browser, asked)
    const second = (await (await client.refresh(first)).json()) as Tokens
    expect(second).toMatchObject({ token_type: 'DPoP', id_token: expect.any(String) })
    expect(second.refresh_token ?? first).toBe(first)
    expect((await later(30, () => client.refresh(first))).status).toBe(200)
    await expectRefused(await client.refresh(first, { DPoP: '' }), 'invalid_grant', 'invalid_request')
    await expectRefused(await other.refresh(first), 'invalid_grant')
  })
})

test('apps that register themselves: by private_key_jwt alone, and bound to a key whatever they say', async () => {
  await suite.set({ registration: 'open' })
  const register = (body: Record<string, unknown>) =>
    fetch(`${suite.issuer}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [callback], ...body }),
    })
  for (const method of [undefined, 'none', 'client_secret_post'])
    expect(await outcome(await register({ token_endpoint_auth_method: method }))).toEqual([
      400,
      'invalid_client_metadata',
    ])
  const jwk = await exportJWK((await generateKeyPair('ES256')).publicKey)
  const answer = await register({
    ...{ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } },
    ...{ dpop_bound_access_tokens: false, require_pushed_authorization_requests: false },
  })
  expect(await answer.json()).toMatchObject({
    dpop_bound_access_tokens: true,
    require_pushed_authorization_requests: true,
  })
})
