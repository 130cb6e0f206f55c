import { createHash, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Consent, consents } from '../../src/consents/consent.ts'
import { endConsent } from '../../src/consents/end-consent.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { users } from '../../src/users/user.ts'
import { buyCode, type Ground, outcome, startGround } from './attack.ts'
import { basic, type IssuedKey, postToken } from './fixture.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())

type Tokens = Readonly<Record<'access_token' | 'id_token' | 'refresh_token', string>>

/** What an app gets for a person: for userinfo alone, or for the API. */
async function tokensFor(scope: string, app = ground.app, headers = {}): Promise<Tokens> {
  const at = { ...ground, app }
  const bought = await buyCode(at, { scope: `${scope} offline_access`, prompt: 'consent' })
  const answer = await postToken(
    at,
    {
      grant_type: 'authorization_code',
      code: bought.code,
      code_verifier: bought.verifier,
      redirect_uri: 'https://app.example/callback',
    },
    { ...basic(app), ...headers },
  )
  return (await answer.json()) as Tokens
}

const userinfo = (headers: Record<string, string>, init: RequestInit = {}, query = '') =>
  fetch(`${ground.issuer}/oauth/userinfo${query}`, { headers, ...init })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function ask(endpoint: 'introspect' | 'revoke', by: IssuedKey, form: Record<string, string> | string) {
  const answer = await fetch(`${ground.issuer}/oauth/${endpoint}`, {
    method: 'POST',
    headers: { ...basic(by), 'content-type': 'application/x-www-form-urlencoded' },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  })
  const text = await answer.text()
  return { status: answer.status, json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
}
const isActive = async (token: string, by = ground.app, more = {}) =>
  (await ask('introspect', by, { token, ...more })).json['active']

/** Who makes proofs with a key (RFC 9449 §4.2). */
async function prover() {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    privateJwk: await exportJWK(privateKey),
    prove: (claims: object = {}, header: object = {}) =>
      new SignJWT({
        htm: 'POST',
        htu: `${ground.issuer}/oauth/token`,
        iat: Math.floor(Date.now() / 1000),
        jti: randomUUID(),
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey),
  }
}
const athOf = (token: string) => createHash('sha256').update(token).digest('base64url')

describe('OpenID Connect Core §5.3, RFC 6750: userinfo', () => {
  test('a token in the query is not taken (RFC 9700 §4.3.2, OAuth 2.1 §5.2)', async () => {
    const { access_token } = await tokensFor('openid email')
    expect((await userinfo(bearer(access_token))).status).toBe(200)
    expect((await userinfo({}, {}, `?access_token=${access_token}`)).status).toBe(400)
    expect((await userinfo(bearer(access_token), {}, `?access_token=${access_token}`)).status).toBe(400)
  })

  test('a token in two places, or two tokens, is none (RFC 6750 §3.1)', async () => {
    const { access_token } = await tokensFor('openid email')
    const body = new URLSearchParams({ access_token })
    expect((await userinfo(bearer(access_token), { method: 'POST', body })).status).toBe(400)
    const twice = `access_token=${access_token}&access_token=${access_token}`
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await userinfo(type, { method: 'POST', body: twice })).status).toBe(400)
    const answer = await ground.raw('GET /clinic/oauth/userinfo', {
      headers: [`authorization: Bearer ${access_token}`, 'authorization: Bearer x'],
    })
    // Node takes the first of them, as RFC 9110 §5.3 lets it: never the second.
    expect(answer).toMatch(/^HTTP\/1\.1 (200|400|401) /)
    const reversed = await ground.raw('GET /clinic/oauth/userinfo', {
      headers: ['authorization: Bearer x', `authorization: Bearer ${access_token}`],
    })
    expect(reversed).toMatch(/^HTTP\/1\.1 (400|401) /)
  })

  test('tokens of every other kind open nothing', async () => {
    const { id_token, refresh_token } = await tokensFor('openid email')
    const api = await tokensFor('openid email patients:read')
    const { code } = await buyCode(ground)
    for (const token of [id_token, refresh_token, api.access_token, code, ground.app.secret, ground.ann.id])
      expect((await userinfo(bearer(token))).status).toBe(401)
  })

  test('a token of another service opens nothing', async () => {
    await ground.addService({ slug: 'elsewhere' })
    const { access_token } = await tokensFor('openid email')
    const answer = await fetch(`${ground.origin}/elsewhere/oauth/userinfo`, { headers: bearer(access_token) })
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([401, 'no-store'])
  })

  test('a token opens nothing once it is revoked, its consent ended, its person disabled or the organization suspended', async () => {
    const revoked = (await tokensFor('openid email')).access_token
    await ask('revoke', ground.app, { token: revoked })
    expect((await userinfo(bearer(revoked))).status).toBe(401)

    const { access_token } = await tokensFor('openid email')
    const disabled = await ground.change(users, ground.ann, { state: { kind: 'disabled', disabledAt: 1 } })
    expect((await userinfo(bearer(access_token))).status).toBe(401)
    await ground.change(users, disabled, { state: { kind: 'active' } })
    expect((await userinfo(bearer(access_token))).status).toBe(200)

    const state = { kind: 'suspended', suspendedAt: 1, reason: 'unpaid' } as const
    const suspended = await ground.change(organizations, ground.organization, { state })
    expect((await userinfo(bearer(access_token))).status).toBe(401)
    await ground.change(organizations, suspended, { state: { kind: 'active' } })
    expect((await userinfo(bearer(access_token))).status).toBe(200)

    const { records } = ground.store
    const [consent] = await records.list<Consent>(ground.organization.id, consents, 'all', '', { limit: 1 })
    if (consent === undefined) throw new Error('no consent')
    const by = { kind: 'system', id: 'x', organizationId: ground.operator.id, requestId: 'x' } as const
    await endConsent({ ...ground.deps, destroyArtifacts: async () => {} }, by, consent, 'ended')
    expect((await userinfo(bearer(access_token))).status).toBe(401)
  })

  test('a token that is bound to a key needs a proof by that key, for this request and this token (RFC 9449 §7)', async () => {
    const [holder, thief] = [await prover(), await prover()]
    const { access_token } = await tokensFor('openid email', ground.app, { DPoP: await holder.prove() })
    const here = { htm: 'GET', htu: `${ground.issuer}/oauth/userinfo`, ath: athOf(access_token) }
    const dpop = { authorization: `DPoP ${access_token}` }
    const proof = await holder.prove(here)
    expect((await userinfo({ ...dpop, DPoP: proof })).status).toBe(200)
    const refused: readonly Record<string, string>[] = [
      // Again.
      { ...dpop, DPoP: proof },
      bearer(access_token),
      { ...bearer(access_token), DPoP: await holder.prove(here) },
      dpop,
      { ...dpop, DPoP: await thief.prove(here) },
      { ...dpop, DPoP: await holder.prove({ ...here, ath: undefined }) },
      { ...dpop, DPoP: await holder.prove({ ...here, ath: athOf('another token') }) },
      { ...dpop, DPoP: await holder.prove({ ...here, htm: 'POST' }) },
      { ...dpop, DPoP: await holder.prove({ ...here, htu: `${ground.issuer}/oauth/token` }) },
    ]
    for (const headers of refused) expect([400, 401]).toContain((await userinfo(headers)).status)
  })
})

describe('RFC 7662, RFC 7009: introspection and revocation', () => {
  test('an app of another organization learns nothing of a token, and cannot end it', async () => {
    const south = await ground.addOrganization({ name: 'South practice' })
    const other = await ground.addApp({ organizationId: south.id })
    const { access_token, refresh_token } = await tokensFor('openid patients:read')
    for (const token of [access_token, refresh_token]) {
      expect(await ask('introspect', other, { token })).toEqual({ status: 200, json: { active: false } })
      expect((await ask('revoke', other, { token })).status).toBe(200)
      expect(await isActive(token)).toBe(true)
    }
  })

  test('a key of another service is nobody here', async () => {
    const service = await ground.addService({ slug: 'third' })
    const foreign = await ground.addKey({ serviceId: service.id })
    const { access_token } = await tokensFor('openid patients:read')
    for (const endpoint of ['introspect', 'revoke'] as const)
      expect((await ask(endpoint, foreign, { token: access_token })).status).toBe(401)
    expect(await isActive(access_token)).toBe(true)
  })

  test.each(['refresh_token', 'access_token', 'id_token', 'x', '\0', '__proto__', 'x'.repeat(10_000)])(
    'a wrong hint %j of what a token is changes nothing (RFC 7009 §2.1)',
    async (token_type_hint) => {
      const { access_token, refresh_token } = await tokensFor('openid patients:read')
      for (const token of [access_token, refresh_token]) {
        expect(await isActive(token, ground.app, { token_type_hint })).toBe(true)
        await ask('revoke', ground.app, { token, token_type_hint })
        expect(await isActive(token)).toBe(false)
      }
    },
  )

  test.each(['', '\0', 'x', 'x'.repeat(10_000), 'a.b.c', 'e30.e30.', '\ufffd', '__proto__', '../../x'])(
    'a token %j that is none is told to be none',
    async (token) => {
      const introspected = await ask('introspect', ground.app, { token })
      expect([introspected.status, introspected.json['active']]).toEqual(
        token === '' ? [400, undefined] : [200, false],
      )
      expect((await ask('revoke', ground.app, { token })).status).toBe(token === '' ? 400 : 200)
    },
  )

  test('two tokens are none, and one in the query is not read', async () => {
    const { access_token } = await tokensFor('openid patients:read')
    for (const endpoint of ['introspect', 'revoke'] as const) {
      const twice = await ask(endpoint, ground.app, `token=${access_token}&token=x`)
      expect([twice.status, twice.json['error']]).toEqual([400, 'invalid_request'])
      const query = await fetch(`${ground.issuer}/oauth/${endpoint}?token=${access_token}`, {
        method: 'POST',
        headers: basic(ground.app),
      })
      expect(query.status).toBe(400)
    }
    expect(await isActive(access_token)).toBe(true)
  })

  test('a token of a person is told to nobody who does not say who they are', async () => {
    const { access_token } = await tokensFor('openid patients:read')
    for (const endpoint of ['introspect', 'revoke']) {
      const body = new URLSearchParams({ token: access_token, client_id: ground.app.key.id })
      const answer = await fetch(`${ground.issuer}/oauth/${endpoint}`, { method: 'POST', body })
      expect(answer.status).toBe(401)
    }
    expect(await isActive(access_token)).toBe(true)
  })
})

describe('RFC 9449 §11: proofs', () => {
  const askWith = async (proof: string) => {
    const form = { grant_type: 'client_credentials' }
    return outcome(await postToken(ground, form, { ...basic(ground.app), DPoP: proof }))
  }

  test.each<[string, string]>([
    ['of another host', 'https://evil.example/clinic/oauth/token'],
    ['of another service', '{origin}/library/oauth/token'],
    ['of another endpoint', '{issuer}/oauth/introspect'],
    ['with a user', 'http://user@{host}/clinic/oauth/token'],
    ['with another port', 'http://127.0.0.1:1/clinic/oauth/token'],
    ['over TLS, which this is not', 'https://{host}/clinic/oauth/token'],
    ['without a host', '/clinic/oauth/token'],
    ['that is none', 'x'],
    ['that is nothing', ''],
  ])('an address %s is not this one', async (_what, pattern) => {
    const { host } = new URL(ground.origin)
    const htu = pattern
      .replace('{origin}', ground.origin)
      .replace('{issuer}', ground.issuer)
      .replace('{host}', host)
    expect(await askWith(await (await prover()).prove({ htu }))).toBe('400 invalid_dpop_proof')
  })

  test.each<[string, object, object]>([
    ['a method in small letters', { htm: 'post' }, {}],
    ['a method that is a list', { htm: ['POST'] }, {}],
    ['an id that is no text', { jti: 1 }, {}],
    ['a time to come', { iat: Math.floor(Date.now() / 1000) + 3_600 }, {}],
    ['no key', {}, { jwk: undefined }],
    ['a key that is none', {}, { jwk: { kty: 'oct', k: 'AAAA' } }],
  ])('%s makes no proof', async (_what, claims, header) => {
    expect(await askWith(await (await prover()).prove(claims, header))).toMatch(
      /^400 (invalid_dpop_proof|use_dpop_nonce)$/,
    )
  })

  test('a proof that tells its private key is none', async () => {
    const { prove, privateJwk } = await prover()
    expect(await askWith(await prove({}, { jwk: privateJwk }))).toBe('400 invalid_dpop_proof')
  })

  test('an unsigned proof, and one signed by a secret, are none', async () => {
    const { prove } = await prover()
    const [, payload = ''] = (await prove()).split('.')
    const none = Buffer.from('{"alg":"none","typ":"dpop+jwt"}').toString('base64url')
    expect(await askWith(`${none}.${payload}.`)).toBe('400 invalid_dpop_proof')
    const hs = await new SignJWT({ htm: 'POST', htu: `${ground.issuer}/oauth/token`, jti: 'x' })
      .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt' })
      .setIssuedAt()
      .sign(Buffer.from(ground.app.secret))
    expect(await askWith(hs)).toBe('400 invalid_dpop_proof')
  })

  test('two proofs are none', async () => {
    const { prove } = await prover()
    expect(await askWith(`${await prove()}, ${await prove()}`)).toBe('400 invalid_dpop_proof')
  })

  test('a refresh token of an app that cannot prove itself is of use with its own key alone (§5)', async () => {
    const app = await ground.addKey({
      authentication: { kind: 'none' },
      redirectUris: ['https://app.example/callback'],
    })
    const [holder, thief] = [await prover(), await prover()]
    const bought = await buyCode({ ...ground, app }, { scope: 'openid offline_access', prompt: 'consent' })
    const post = async (form: Record<string, string>, DPoP?: string) =>
      postToken(ground, { client_id: app.key.id, ...form }, DPoP === undefined ? {} : { DPoP })
    const answer = await post(
      {
        grant_type: 'authorization_code',
        code: bought.code,
        code_verifier: bought.verifier,
        redirect_uri: 'https://app.example/callback',
      },
      await holder.prove(),
    )
    const { refresh_token } = (await answer.json()) as Tokens
    const refresh = { grant_type: 'refresh_token', refresh_token }
    expect(await outcome(await post(refresh))).toMatch(/^400 /)
    expect(await outcome(await post(refresh, await thief.prove()))).toMatch(/^400 /)
    expect(await outcome(await post(refresh, await holder.prove()))).toBe('200 granted')
  })

  test('a code that was asked for with a key is redeemed by that key alone (§10)', async () => {
    const [holder, thief] = [await prover(), await prover()]
    const thumbprint = async ({ privateJwk }: Awaited<ReturnType<typeof prover>>) => {
      const { calculateJwkThumbprint } = await import('jose')
      const { d: _d, ...jwk } = privateJwk
      return calculateJwkThumbprint(jwk)
    }
    const dpop_jkt = await thumbprint(holder)
    const redeemWith = async (proof?: string) => {
      const bought = await buyCode(ground, { dpop_jkt })
      const form = {
        grant_type: 'authorization_code',
        code: bought.code,
        code_verifier: bought.verifier,
        redirect_uri: 'https://app.example/callback',
      }
      const headers = proof === undefined ? {} : { DPoP: proof }
      return outcome(await postToken(ground, form, { ...basic(ground.app), ...headers }))
    }
    expect(await redeemWith()).toMatch(/^400 /)
    expect(await redeemWith(await thief.prove())).toMatch(/^400 /)
    expect(await redeemWith(await holder.prove())).toBe('200 granted')
  })
})

describe('OpenID Connect RP-Initiated Logout 1.0 §2, §6: signing out', () => {
  const logout = (fields: Record<string, string>) =>
    fetch(`${ground.issuer}/oauth/logout?${new URLSearchParams(fields)}`, { redirect: 'manual' })
  const goodbye = 'https://app.example/goodbye'

  test('only an ID token of this issuer, with its signature, is a hint', async () => {
    const app = await ground.addApp({ postLogoutRedirectUris: [goodbye] })
    const { id_token, access_token } = await tokensFor('openid patients:read', app)
    const [header = '', payload = '', signature = ''] = id_token.split('.')
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url')
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'usr_x' }),
    ).toString('base64url')
    const hs = await new SignJWT({ iss: ground.issuer, aud: app.key.id, sub: ground.ann.id })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .sign(Buffer.from(app.secret))
    const hints = [
      `${unsigned}.${payload}.`,
      `${header}.${forged}.${signature}`,
      `${header}.${payload}.`,
      hs,
      access_token,
      'x'.repeat(5_000),
      '\0',
    ]
    for (const id_token_hint of hints) {
      const answer = await logout({ id_token_hint, post_logout_redirect_uri: goodbye })
      expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
    }
    const right = await logout({ id_token_hint: id_token, post_logout_redirect_uri: goodbye })
    expect(right.headers.get('location')).toBe(goodbye)
  })

  test('an ID token of another service is no hint', async () => {
    const service = await ground.addService({ slug: 'fourth' })
    const app = await ground.addApp({ serviceId: service.id, postLogoutRedirectUris: [goodbye] })
    const { id_token } = await tokensFor('openid')
    const answer = await fetch(
      `${ground.origin}/fourth/oauth/logout?${new URLSearchParams({
        id_token_hint: id_token,
        client_id: app.key.id,
        post_logout_redirect_uri: goodbye,
      })}`,
      { redirect: 'manual' },
    )
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
  })

  test.each([
    'https://evil.example/',
    `${goodbye}/`,
    `${goodbye}?x`,
    `${goodbye}#x`,
    'https://app.example/callback',
    '//evil.example/',
    'javascript:alert(1)',
    'https://app.example\\@evil.example/',
    '\0',
    'x'.repeat(5_000),
  ])('the address %j is not the one that was registered: nobody is sent there', async (uri) => {
    const app = await ground.addApp({ postLogoutRedirectUris: [goodbye] })
    const answer = await logout({ client_id: app.key.id, post_logout_redirect_uri: uri })
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
  })

  test.each(['id_token_hint', 'post_logout_redirect_uri', 'state', 'client_id'])(
    '%s twice is refused',
    async (name) => {
      const app = await ground.addApp({ postLogoutRedirectUris: [goodbye] })
      const query = new URLSearchParams({
        client_id: app.key.id,
        post_logout_redirect_uri: goodbye,
        state: 's',
      })
      query.append(name, query.get(name) ?? 'x')
      if (name === 'id_token_hint') query.append(name, 'x')
      const answer = await fetch(`${ground.issuer}/oauth/logout?${query}`, { redirect: 'manual' })
      expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
    },
  )
})

test('nothing of this was a fault of ours', () => {
  expect(ground.faults).toEqual([])
})
