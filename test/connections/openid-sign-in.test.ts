import { createHmac, randomBytes } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Connection, redirectUriOf } from '../../src/connections/connection.ts'
import { newIdFrom } from '../../src/ids.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import {
  type Answer,
  clientSecret,
  connectionTo,
  type Misbehaviour,
  origin,
  type Person,
  startHandMade,
  startRealProvider,
  throughHandMade,
  upstreamFor,
} from './upstream.ts'
import { startServer } from './web-server.ts'

const random = (count: number) => randomBytes(count)
const clock = () => Date.now()
const secrets = deploymentSecrets([randomBytes(32).toString('base64url')], random)
const newId = newIdFrom(clock, random)
const [id, otherId, organizationId] = [newId('con'), newId('con'), newId('org')]
const redirectUri = redirectUriOf(origin, id)

let person: Person
const client = { redirect_uris: [redirectUri], post_logout_redirect_uris: [`${origin}/after`] }
const real = await startRealProvider(
  () => person,
  [
    {
      client_id: 'basic',
      client_secret: clientSecret,
      token_endpoint_auth_method: 'client_secret_basic',
      ...client,
    },
    {
      client_id: 'post',
      client_secret: clientSecret,
      token_endpoint_auth_method: 'client_secret_post',
      ...client,
    },
    { client_id: 'public', token_endpoint_auth_method: 'none', ...client },
  ],
)
const handMade = await startHandMade()
const secret = await startServer((_, response) => response.end('secret'))
afterAll(() => Promise.all([real, handMade, secret].map((one) => one.close())))

beforeEach(() => {
  const claims = { email: 'ana@clinic.example', email_verified: true, name: 'Ana', groups: ['nurses'] }
  person = { sub: 'ana-1', claims }
  handMade.will({})
  upstream = upstreamFor({ secrets, clock })
})

let upstream = upstreamFor({ secrets, clock })
const to = (issuer: string, more: Partial<Connection> = {}) =>
  connectionTo(issuer, { secrets, id, organizationId }, more)
const isRefused = (message: RegExp) => ({ code: 'sign_in_refused', message: expect.stringMatching(message) })
const bad = (misbehaviour: Misbehaviour) => {
  handMade.will(misbehaviour)
  return throughHandMade(upstream, handMade, to(handMade.issuer))
}

describe('signing in at a real OpenID provider', () => {
  const sealedSecret = secrets.seal('connection-secrets', id, clientSecret)
  test.each([
    ['basic', { kind: 'client_secret_basic', sealedSecret }],
    ['post', { kind: 'client_secret_post', sealedSecret }],
    ['public', { kind: 'none' }],
  ] as const)('tells who it is, as a %s client', async (clientId, authentication) => {
    const connection = to(real.issuer, { clientId, authentication })
    const state = `state of ${clientId}`
    const { url, keep } = await upstream.begin(connection, { redirectUri, state, maxAgeSeconds: 600 })
    const callbackUrl = await real.browse(url)
    expect(callbackUrl.startsWith(`${redirectUri}?`)).toBe(true)
    expect(await upstream.finish(connection, { callbackUrl }, keep, state)).toMatchObject({
      ...{ subject: 'ana-1', email: 'ana@clinic.example', emailVerified: true, name: 'Ana' },
      attributes: { groups: ['nurses'], iss: real.issuer },
      authTime: expect.closeTo(Date.now() / 1000, -2),
      idToken: expect.stringMatching(/^ey/),
    })
    // RFC 6749 §4.1.2: a code is good once.
    await expect(upstream.finish(connection, { callbackUrl }, keep, state)).rejects.toMatchObject(
      isRefused(/invalid_grant/),
    )
  })

  test('asks with PKCE, a nonce and a state, and says what the app has said', async () => {
    const ask = {
      redirectUri,
      state: 's',
      loginHint: 'ana@clinic.example',
      prompt: 'login',
      maxAgeSeconds: 0,
    }
    const one = await upstream.begin(to(real.issuer, { clientId: 'basic' }), ask)
    const other = await upstream.begin(to(real.issuer, { clientId: 'basic' }), ask)
    const query = new URL(one.url).searchParams
    expect(Object.fromEntries(query)).toMatchObject({
      ...{
        response_type: 'code',
        client_id: 'basic',
        redirect_uri: redirectUri,
        scope: 'openid email profile',
      },
      ...{ code_challenge_method: 'S256', state: 's', prompt: 'login', max_age: '0' },
      login_hint: 'ana@clinic.example',
    })
    for (const name of ['nonce', 'code_challenge']) {
      expect(query.get(name)).toMatch(/^[\w-]{43}$/)
      expect(query.get(name)).not.toBe(new URL(other.url).searchParams.get(name))
    }
    expect(one.url).not.toContain(JSON.parse(one.keep).verifier)
  })

  test('fails with the words of the provider and what to do when the secret is wrong', async () => {
    const wrong = {
      kind: 'client_secret_basic',
      sealedSecret: secrets.seal('connection-secrets', id, 'x'),
    } as const
    const connection = to(real.issuer, { clientId: 'basic', authentication: wrong })
    const { url, keep } = await upstream.begin(connection, { redirectUri, state: 's' })
    const callbackUrl = await real.browse(url)
    await expect(upstream.finish(connection, { callbackUrl }, keep, 's')).rejects.toMatchObject({
      ...isRefused(/^signing in through Clinic sign-in failed: .*invalid_client/),
      fix: expect.stringContaining('client secret'),
    })
  })

  test('ends where the provider ends sessions', async () => {
    const ask = { idTokenHint: 'ey', postLogoutRedirectUri: `${origin}/after` }
    const url = await upstream.logoutUrl(to(real.issuer, { clientId: 'basic' }), ask)
    expect(url).toBe(
      `${real.issuer}/session/end?post_logout_redirect_uri=http%3A%2F%2Flatchkey.test%2Fafter&id_token_hint=ey&client_id=basic`,
    )
    expect(await upstream.logoutUrl(to(handMade.issuer), ask)).toBeUndefined()
  })
})

describe('what a hand-made provider says when it is right', () => {
  test('is believed', async () => {
    expect(await bad({})).toMatchObject({ subject: 'ana', email: 'ana@clinic.example', emailVerified: true })
    const { body, authorization } = handMade.redeemed.at(-1) ?? {}
    expect(authorization).toBe(`Basic ${Buffer.from(`latchkey:${clientSecret}`).toString('base64')}`)
    expect(body?.get('redirect_uri')).toBe(redirectUri)
  })

  describe('of itself', () => {
    const ask = { redirectUri, state: 'any' }
    const asked = () => handMade.requests.filter((one) => one.includes('/.well-known/')).length
    const time = { nowMs: Date.now() }
    const begin = () => shared.begin(to(handMade.issuer), ask)
    let shared = upstream
    beforeEach(() => {
      handMade.requests.length = 0
      shared = upstreamFor({ secrets, clock: () => time.nowMs })
    })

    test('is asked for once by all who sign in at the same time', async () => {
      await Promise.all([begin(), begin(), begin()])
      expect(asked()).toBe(1)
    })

    test('is not asked for again for 5 seconds when there was none', async () => {
      handMade.will({ discovery: () => ({ issuer: 'https://other.example' }) })
      const refusals = await Promise.allSettled([begin(), begin()])
      expect(refusals.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      handMade.will({})
      time.nowMs += 4_999
      await expect(begin()).rejects.toMatchObject({ code: 'sign_in_refused' })
      expect(asked()).toBe(1)
      time.nowMs += 1
      await begin()
      expect(asked()).toBe(2)
    })
  })

  test('is kept to end its session with, unless it is longer than 4 KiB', async () => {
    const idTokenOf = async (length: number) => {
      const identity = await bad({ claims: (usual) => ({ ...usual, photo: 'x'.repeat(length) }) })
      expect(identity.attributes['photo']).toHaveLength(length)
      return identity.idToken
    }
    expect(await idTokenOf(2_000)).toMatch(/^ey/)
    expect(await idTokenOf(4_096)).toBeUndefined()
    handMade.will({
      discovery: (usual) => ({ ...usual, end_session_endpoint: `${handMade.issuer}/session/end` }),
    })
    const ask = { idTokenHint: undefined, postLogoutRedirectUri: `${origin}/after` }
    const url = await upstreamFor({ secrets, clock }).logoutUrl(to(handMade.issuer), ask)
    expect([...new URL(url ?? '').searchParams.keys()]).toEqual(['post_logout_redirect_uri', 'client_id'])
  })

  test.each([
    [
      'as it is, where nothing in it would be read in another way',
      "a-b_c.d~e!f*g'h(i)&j=k/l",
      "a-b_c.d~e!f*g'h(i)&j=k/l",
    ],
    ['encoded, where something would be', '100% + ü', '100%25+%2B+%C3%BC'],
  ])('is sent a secret %s (RFC 6749 §2.3.1)', async (_, secret, sent) => {
    const sealedSecret = secrets.seal('connection-secrets', id, secret)
    const connection = to(handMade.issuer, { authentication: { kind: 'client_secret_basic', sealedSecret } })
    await throughHandMade(upstream, handMade, connection)
    const [, credentials = ''] = handMade.redeemed.at(-1)?.authorization?.split(' ') ?? []
    expect(Buffer.from(credentials, 'base64').toString()).toBe(`latchkey:${sent}`)
  })

  test('is believed within the skew of two clocks, and no further', async () => {
    const at = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
    expect(await bad({ claims: (usual) => ({ ...usual, exp: at(-20), nbf: at(20) }) })).toBeDefined()
    await expect(bad({ claims: (usual) => ({ ...usual, exp: at(-40) }) })).rejects.toMatchObject({
      ...isRefused(/claim exp/),
      fix: expect.stringContaining('clocks'),
    })
  })

  test('is believed after it has rotated its keys', async () => {
    await bad({})
    await handMade.rotateKeys()
    expect(await bad({})).toMatchObject({ subject: 'ana' })
  })

  test.each([
    ['an address without a word on it', { email_verified: undefined }, undefined],
    ['an address that is not verified', { email_verified: false }, false],
    ['as text', { email_verified: 'true' }, true],
    ['as other text', { email_verified: 'yes' }, false],
  ])('tells of %s as it is', async (_, more, emailVerified) => {
    const identity = await bad({ claims: (usual) => ({ ...usual, ...more }) })
    expect(identity.emailVerified).toBe(emailVerified)
  })

  test('hands on of how the person signed in only what is short', async () => {
    const said = { acr: 'a'.repeat(255), amr: ['pwd', 'otp'] }
    expect(await bad({ claims: (usual) => ({ ...usual, ...said }) })).toMatchObject(said)
    const long = { acr: 'a'.repeat(256), amr: Array.from({ length: 21 }, () => 'pwd') }
    const identity = await bad({ claims: (usual) => ({ ...usual, ...long }) })
    expect([identity.acr, identity.amr]).toEqual([undefined, undefined])
  })

  test("keeps userinfo's word on another address from the ID token's address", async () => {
    const identity = await bad({
      claims: ({ email_verified: _, ...usual }) => ({ ...usual, email: 'boss@clinic.example' }),
      userinfo: { sub: 'ana', email: 'ana@clinic.example', email_verified: true },
    })
    expect(identity).toMatchObject({ email: 'boss@clinic.example' })
    expect(identity.emailVerified).toBeUndefined()
  })
})

describe('an ID token is refused (OpenID Connect Core §3.1.3.7)', () => {
  const at = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const without = (name: string) => (usual: object) =>
    Object.fromEntries(Object.entries(usual).filter(([key]) => key !== name))
  const vectors: readonly (readonly [string, Misbehaviour, RegExp])[] = [
    ['for another audience', { claims: (usual) => ({ ...usual, aud: 'another' }) }, /aud/],
    ['for others beside us', { claims: (usual) => ({ ...usual, aud: ['latchkey', 'another'] }) }, /azp|aud/],
    ['of another authorized party', { claims: (usual) => ({ ...usual, azp: 'another' }) }, /azp/],
    ['of another issuer', { claims: (usual) => ({ ...usual, iss: 'https://evil.example' }) }, /iss/],
    ['with another nonce', { claims: (usual) => ({ ...usual, nonce: 'another' }) }, /nonce/],
    ['without a nonce', { claims: without('nonce') }, /nonce/],
    ['without a subject', { claims: without('sub') }, /sub/],
    ['with a long subject', { claims: (usual) => ({ ...usual, sub: 's'.repeat(256) }) }, /sub.* 255/],
    ['without an end', { claims: without('exp') }, /exp/],
    ['that has expired', { claims: (usual) => ({ ...usual, exp: at(-3600) }) }, /exp/],
    ['from the future', { claims: (usual) => ({ ...usual, nbf: at(3600) }) }, /nbf/],
    [
      'with alg none',
      { idToken: (claims) => `${encoded({ alg: 'none' })}.${encoded(claims)}.` },
      /alg|unsupported|algorithm/i,
    ],
    [
      'with alg none, announced',
      {
        discovery: (usual) => ({ ...usual, id_token_signing_alg_values_supported: ['none', 'RS256'] }),
        idToken: (claims) => `${encoded({ alg: 'none' })}.${encoded(claims)}.`,
      },
      /./,
    ],
    [
      'with HS256 under the public key, announced',
      {
        discovery: (usual) => ({ ...usual, id_token_signing_alg_values_supported: ['HS256', 'RS256'] }),
        idToken: async (claims) => {
          const signed = `${encoded({ alg: 'HS256', kid: 'key-0' })}.${encoded(claims)}`
          const mac = createHmac('sha256', await handMade.publicPem())
            .update(signed)
            .digest('base64url')
          return `${signed}.${mac}`
        },
      },
      /./,
    ],
    [
      'with HS256 under the client secret, announced',
      {
        discovery: (usual) => ({ ...usual, id_token_signing_alg_values_supported: ['HS256'] }),
        idToken: (claims) => {
          const signed = `${encoded({ alg: 'HS256' })}.${encoded(claims)}`
          return `${signed}.${createHmac('sha256', clientSecret).update(signed).digest('base64url')}`
        },
      },
      /./,
    ],
    [
      'with another signature',
      {
        idToken: async (claims) => {
          const [header, , signature] = (await handMade.sign({ sub: 'x' })).split('.')
          return `${header}.${encoded(claims)}.${signature}`
        },
      },
      /signature/,
    ],
    ['that is none', { idToken: () => 'not-a-token' }, /./],
  ]
  test.each(vectors)('%s', async (_, misbehaviour, message) => {
    await expect(bad(misbehaviour)).rejects.toMatchObject(isRefused(message))
  })

  test('and what was met is told without anything of the token', async () => {
    const failed: unknown = await bad({ claims: (usual) => ({ ...usual, aud: 'another' }) }).catch((e) => e)
    expect(String(failed)).not.toMatch(/ana|ey[A-Za-z0-9_-]{5}/)
  })

  test('that is not there at all', async () => {
    const without: Answer = (response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ access_token: 'opaque', token_type: 'Bearer' }))
    }
    await expect(bad({ answers: { '/token': without } })).rejects.toMatchObject(isRefused(/id_token/i))
  })
})

describe('an answer is refused', () => {
  const returned = (change: (usual: URLSearchParams) => URLSearchParams, misbehaviour: Misbehaviour = {}) => {
    handMade.will(misbehaviour)
    return throughHandMade(upstream, handMade, to(handMade.issuer), change)
  }
  const says = {
    discovery: (usual: object) => ({ ...usual, authorization_response_iss_parameter_supported: true }),
  }
  const withPair = (name: string, value: string) => (usual: URLSearchParams) => {
    usual.append(name, value)
    return usual
  }

  test.each([
    ['with another state', () => new URLSearchParams({ code: 'any', state: 'another' }), /state/],
    ['without a state', () => new URLSearchParams({ code: 'any' }), /state/],
    ['without a code', () => new URLSearchParams({ state: 'the-state' }), /code/],
    ['with two codes', withPair('code', 'other'), /code/],
    ['with two states', withPair('state', 'the-state'), /state/],
    ['of another issuer (RFC 9207 §2.4)', withPair('iss', 'https://evil.example'), /iss/],
  ])('%s, and no code is redeemed', async (_, change, message) => {
    const before = handMade.redeemed.length
    await expect(returned(change)).rejects.toMatchObject(isRefused(message))
    expect(handMade.redeemed).toHaveLength(before)
  })

  test('without its issuer where the provider says that it sends it (RFC 9207 §2.4)', async () => {
    await expect(returned((usual) => usual, says)).rejects.toMatchObject(isRefused(/iss/))
    expect(await returned(withPair('iss', handMade.issuer), says)).toMatchObject({ subject: 'ana' })
  })

  test('that is a refusal, in its words', async () => {
    const denied = { error: 'access_denied', error_description: 'not\u202e yours\n', state: 'the-state' }
    await expect(returned(() => new URLSearchParams(denied))).rejects.toMatchObject({
      ...isRefused(/refused with access_denied: not yours$/),
      fix: expect.stringContaining('assign the person'),
    })
  })

  test('that was meant for another connection (RFC 9700 §4.4), and its code stays its own', async () => {
    const ours = to(handMade.issuer)
    const theirs = connectionTo(handMade.issuer, { secrets, id: otherId, organizationId })
    const { keep } = await upstream.begin(theirs, { redirectUri: redirectUriOf(origin, otherId), state: 's' })
    const before = handMade.redeemed.length
    const finished = upstream.finish(ours, { callbackUrl: `${redirectUri}?code=any&state=s` }, keep, 's')
    await expect(finished).rejects.toMatchObject(isRefused(/another identity provider/))
    expect(handMade.redeemed).toHaveLength(before)
  })

  test('a refusal without a reason of who asks for HTTP Basic is one of the client (RFC 6749 §5.2)', async () => {
    const refused: Answer = (response) =>
      void response.writeHead(401, { 'www-authenticate': 'Basic realm="portal"' }).end()
    await expect(bad({ answers: { '/token': refused } })).rejects.toMatchObject({
      ...isRefused(/refused with no reason$/),
      fix: expect.stringContaining('check the client id, the client secret'),
    })
  })

  test('whose userinfo tells of somebody else (OpenID Connect Core §5.3.2)', async () => {
    await expect(bad({ userinfo: { sub: 'boss', name: 'Boss' } })).rejects.toMatchObject(isRefused(/sub/))
  })
})

describe('a provider is given up', () => {
  const fails = (answers: Misbehaviour['answers'], outgoing = {}) => {
    upstream = upstreamFor({ secrets, clock }, outgoing)
    return bad({ answers: answers ?? {} })
  }
  const paths = ['/.well-known/openid-configuration', '/token', '/jwks', '/userinfo']

  test.each(paths)('that redirects %s to an address inside', async (path) => {
    const before = secret.requests.length
    const failed = fails({
      [path]: (response) => void response.writeHead(302, { location: secret.origin }).end(),
    })
    await expect(failed).rejects.toMatchObject({ code: 'sign_in_refused' })
    expect(secret.requests).toHaveLength(before)
  })

  test.each(paths)('that answers %s with more than the bound', async (path) => {
    const huge = fails(
      {
        [path]: (response, usual) => void response.end(JSON.stringify({ ...usual, x: 'x'.repeat(600_000) })),
      },
      {},
    )
    await expect(huge).rejects.toMatchObject(isRefused(/more than 524288 bytes/))
  })

  test.each(paths)('that does not end %s', async (path) => {
    const slow = fails({ [path]: (response) => void response.write('{') }, { timeMsMax: 200 })
    await expect(slow).rejects.toMatchObject(isRefused(/did not answer in time/))
  })

  test.each(paths)('that answers %s with what is no JSON', async (path) => {
    const odd = fails({ [path]: (response) => void response.end('<html>') })
    await expect(odd).rejects.toMatchObject({ code: 'sign_in_refused' })
  })

  test('that calls itself something else than when it was set up', async () => {
    const other = bad({ discovery: (usual) => ({ ...usual, issuer: `${handMade.issuer}/other` }) })
    await expect(other).rejects.toMatchObject({ code: 'sign_in_refused' })
  })

  test('whose endpoints are at private addresses', async () => {
    upstream = upstreamFor(
      { secrets, clock },
      { allowPrivateAddressesInDevelopment: false, hosts: [new URL(handMade.issuer).host] },
    )
    await expect(bad({})).rejects.toMatchObject(isRefused(/begins with http:/))
  })
})

test('what a provider says of itself is read again after five minutes', async () => {
  let nowMs = Date.now()
  upstream = upstreamFor({ secrets, clock: () => nowMs })
  const read = () => handMade.requests.filter((one) => one.includes('openid-configuration')).length
  const before = read()
  await bad({})
  await bad({})
  expect(read()).toBe(before + 1)
  nowMs += 5 * 60_000
  await bad({})
  expect(read()).toBe(before + 2)
})

test('a connection that is not registered yet says so', async () => {
  const { clientId: _, ...unregistered } = to(handMade.issuer)
  await expect(upstream.begin(unregistered, { redirectUri, state: 's' })).rejects.toMatchObject({
    code: 'connection_state',
  })
})
