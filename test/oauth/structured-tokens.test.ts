import { randomBytes } from 'node:crypto'
import { decodeJwt, importJWK, SignJWT } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { makeSecret } from '../../src/client-keys/secret-format.ts'
import { DomainError } from '../../src/errors.ts'
import { artifactAdapter } from '../../src/oauth/artifact-adapter.ts'
import { tokenEntriesOfClientMax } from '../../src/oauth/revoke-token.ts'
import { type Ended, revocations, revoke } from '../../src/revocations/revocation.ts'
import { managementSlug } from '../../src/services/management-service.ts'
import { askToken, basic, type IssuedKey, newId, startWorld, tokenOf, type World } from './fixture.ts'

let world: World
let issued: IssuedKey
let guard: IssuedKey
let management: World['service']
beforeEach(async () => {
  world = await startWorld({ trustedProxies: 1 })
  issued = await world.addKey()
  management = await world.addService({
    slug: managementSlug,
    kind: 'system',
    model: {
      ...world.service.model,
      roles: [
        {
          name: 'guard',
          grantable: true,
          inDefaultEntitlement: false,
          delegable: false,
          include: [],
          allow: [],
        },
      ],
    },
  })
  guard = await guardOf(world.service)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await world.stop()
})

function guardOf(service: World['service'], organizationId = service.organizationId): Promise<IssuedKey> {
  return world.addKey({
    organizationId,
    serviceId: management.id,
    guardsServiceId: service.id,
    role: 'guard',
  })
}

const newToken = async (of = issued, parameters = {}) =>
  (await tokenOf(await askToken(world, of, parameters))).access_token

function post(
  what: 'revoke' | 'introspect',
  by: IssuedKey,
  parameters: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${world.issuer}/oauth/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(by), ...headers },
    body: typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString(),
  })
}

const introspect = async (token: string, by = issued) => (await post('introspect', by, { token })).json()
const entries = async () => {
  const found = await world.store.records.locate(revocations, 'all', '', { limit: 1_000 })
  return found.length
}

describe('introspection of a JWT (RFC 7662)', () => {
  test('tells the key whose token it is, and the guard of its service, every claim (§2.2)', async () => {
    const token = await newToken(issued, { scope: 'patients:read' })
    const expected = { ...decodeJwt(token), active: true, token_type: 'Bearer' }
    const response = await post('introspect', issued, { token, token_type_hint: 'access_token' })
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toEqual(expected)
    expect(expected).toMatchObject({
      scope: 'patients:read',
      org_id: world.organization.id,
      iss: world.issuer,
    })
    expect(await introspect(token, guard)).toEqual(expected)
  })

  test('works for openid-client, which finds the endpoint by itself', async () => {
    const options = { execute: [client.allowInsecureRequests] }
    const config = await client.discovery(
      new URL(world.issuer),
      issued.key.id,
      undefined,
      client.ClientSecretBasic(issued.secret),
      options,
    )
    const token = await newToken()
    expect(await client.tokenIntrospection(config, token)).toMatchObject({ active: true, sub: issued.key.id })
    await client.tokenRevocation(config, token)
    expect(await client.tokenIntrospection(config, token)).toEqual({ active: false })
  })

  test("says nothing of another client's token but that it is not active (§4)", async () => {
    expect(await introspect(await newToken(), await world.addKey())).toEqual({ active: false })
  })

  test('is not active: expired, of another issuer, signed by nobody of ours, of another kind', async () => {
    const token = await newToken()
    const { privateKey, kid } = await signer()
    const claims = decodeJwt(token)
    const sign = (changes: object, typ = 'at+jwt', header = {}) =>
      new SignJWT({ ...claims, ...changes })
        .setProtectedHeader({ alg: 'ES256', typ, kid, ...header })
        .sign(privateKey)
    expect(await introspect(await sign({}))).toMatchObject({ active: true })
    const unsigned = [{ alg: 'none', typ: 'at+jwt', kid }, claims].map((part) =>
      base64url(JSON.stringify(part)),
    )
    const [header = '', payload = '', signature = ''] = token.split('.')
    for (const [what, bad] of Object.entries({
      expired: await sign({ exp: Math.floor(Date.now() / 1000) - 1 }),
      anotherIssuer: await sign({ iss: `${world.origin}/library` }),
      anotherAudience: await sign({ aud: 'https://elsewhere.example' }),
      anotherKind: await sign({}, 'JWT'),
      anotherKid: await sign({}, 'at+jwt', { kid: newId('sgn') }),
      noId: await sign({ jti: undefined }),
      unsigned: `${unsigned.join('.')}.`,
      tampered: [header, base64url(JSON.stringify({ ...claims, roles: ['admin'] })), signature].join('.'),
      cut: token.slice(0, -4),
      payloadOnly: [header, payload, ''].join('.'),
    }))
      expect([what, await introspect(bad)]).toEqual([what, { active: false }])
  })

  test.each<[string, (claims: Record<string, unknown>) => Ended]>([
    ['its key', () => ({ kind: 'authority', of: issued.key.id, lowest: issued.key.authority + 1 })],
    ['its organization', () => ({ kind: 'authority', of: world.organization.id, lowest: 4 })],
    ['its role', () => ({ kind: 'role', roleId: role })],
    ['its signing key', () => ({ kind: 'signing_key', kid: String(world.service.signingKeys[0]?.id) })],
    ['its grant', ({ jti }) => ({ kind: 'grant', grantId: `grant of ${jti}` })],
    ['itself', ({ jti }) => ({ kind: 'jti', jti: String(jti), clientId: issued.key.id })],
  ])('is not active once %s has ended, for its client and the guard', async (_what, ended) => {
    const original = decodeJwt(await newToken())
    const { privateKey, kid } = await signer()
    const claims = { ...original, roles: ['desk', role], grant_id: `grant of ${original.jti}` }
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
      .sign(privateKey)
    expect(await introspect(token)).toMatchObject({ active: true })
    const insert = revoke(newId, Date.now(), {
      organizationId: world.organization.id,
      ended: ended(original),
    })
    await world.deps.commit(happening, [insert])
    await expect.poll(() => introspect(token), { timeout: 1_000 }).toEqual({ active: false })
    expect(await introspect(token, guard)).toEqual({ active: false })
  })

  test('a node that has not heard of the others for too long answers 503, never a stale yes', async () => {
    const token = await newToken()
    vi.spyOn(world.deps.endedTokens, 'isStale').mockReturnValue(true)
    const response = await post('introspect', issued, { token })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2'])
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
  })
})

const role = newId('rol')
const happening = {
  type: 'token.revoked',
  organizationId: newId('org'),
  target: 'x',
  by: { kind: 'system', id: 'test', organizationId: newId('org'), requestId: 'req' },
} as const

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** The private half of the service's signing key: what a token says is then up to the test. */
async function signer() {
  const [key] = world.service.signingKeys
  if (key === undefined) throw new Error('the service has no signing key')
  const jwk = JSON.parse(world.secrets.open('signing-keys', key.id, key.sealedPrivateJwk).toString())
  return { privateKey: await importJWK(jwk, 'ES256'), kid: key.id }
}

describe("the guard's key of a service", () => {
  test('introspects there and does nothing else', async () => {
    const token = await newToken()
    expect(await introspect(token, guard)).toMatchObject({ active: true })
    expect((await post('revoke', guard, { token })).status).toBe(401)
    expect((await askToken(world, guard)).status).toBe(401)
    expect(await introspect(token)).toMatchObject({ active: true })
  })

  test('of another service, of an organization that does not own it, or disabled, is unknown there', async () => {
    const token = await newToken()
    const library = await world.addService({ slug: 'library' })
    const disabled = await guardOf(world.service)
    await world.change(clientKeys, disabled.key, { state: { kind: 'disabled', disabledAt: 1 } })
    for (const stranger of [
      await guardOf(library),
      await guardOf(world.service, world.organization.id),
      disabled,
      await world.addKey({
        serviceId: library.id,
        guardsServiceId: world.service.id,
        organizationId: world.operator.id,
      }),
    ])
      expect((await post('introspect', stranger, { token })).status).toBe(401)
  })
})

describe('POST /{service}/oauth/revoke of a JWT (RFC 7009)', () => {
  test('ends the token at once; a repeat is 200 and enters nothing (§2.2)', async () => {
    const token = await newToken()
    const other = await newToken()
    const before = await entries()
    const response = await post('revoke', issued, { token, token_type_hint: 'refresh_token' })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(await introspect(token)).toEqual({ active: false })
    expect(await introspect(other)).toMatchObject({ active: true })
    expect((await post('revoke', issued, { token })).status).toBe(200)
    expect(await entries()).toBe(before + 1)
  })

  test('is in the audit trail of whose token it is, without the token', async () => {
    const token = await newToken()
    await post('revoke', issued, { token })
    const { jti } = decodeJwt(token)
    const events = await world.store.records.list(
      world.organization.id,
      auditEvents,
      'type',
      'token.revoked',
      {
        limit: 1,
        order: 'newest_first',
      },
    )
    expect(events).toMatchObject([
      { target: issued.key.id, details: { token_id: jti, subject: issued.key.id } },
    ])
    expect(JSON.stringify(events)).not.toContain(token)
  })

  test('answers 200 for a token it never issued, and for one of another client, which lives on (§2.1, §2.2)', async () => {
    const other = await world.addKey()
    const token = await newToken(other)
    const before = await entries()
    for (const unknown of [
      token,
      'x',
      'a.b.c',
      `${base64url('{"alg":"ES256"}')}.e30.x`,
      '\0',
      'é'.repeat(1_000),
    ])
      expect([unknown, (await post('revoke', issued, { token: unknown })).status]).toEqual([unknown, 200])
    expect(await entries()).toBe(before)
    expect(await introspect(token, other)).toMatchObject({ active: true })
  })

  test('an entry is forgotten when its token has expired', async () => {
    const token = await newToken()
    await post('revoke', issued, { token })
    const { exp = 0, jti } = decodeJwt(token)
    const references = await world.store.records.locate(revocations, 'all', '', { limit: 1_000 })
    const found = await Promise.all(
      references.map(({ organizationId, id }) => world.store.records.find(organizationId, revocations, id)),
    )
    expect(found.find((one) => one?.ended.kind === 'jti' && one.ended.jti === jti)).toMatchObject({
      serviceId: world.service.id,
      forgetAt: exp * 1000 + 60_000,
    })
  })

  test('more than 1,000 entries of one key become one authority entry, and new tokens work', async () => {
    const busy = await world.addKey()
    const others = await entries()
    const ids = Array.from({ length: tokenEntriesOfClientMax }, (_, i) => `jti-${i}`)
    await world.deps.commit(
      happening,
      ids.map((jti) =>
        revoke(newId, Date.now(), {
          organizationId: world.organization.id,
          serviceId: world.service.id,
          ended: { kind: 'jti', jti, clientId: busy.key.id },
        }),
      ),
    )
    await expect.poll(() => world.deps.endedTokens.ofClient(busy.key.id).length).toBe(tokenEntriesOfClientMax)
    const [token, another] = [await newToken(busy), await newToken(busy)]
    expect((await post('revoke', busy, { token })).status).toBe(200)
    expect([await introspect(token, busy), await introspect(another, busy)]).toEqual([
      { active: false },
      { active: false },
    ])
    expect(await entries()).toBe(others + 1)
    expect(await introspect(await newToken(busy), busy)).toMatchObject({ active: true })
  })
})

describe('revocation and introspection of what the library keeps', () => {
  const opaque = (kind: string) => artifactAdapter(world.deps, world.service.id, kind)
  let app: IssuedKey
  beforeEach(async () => {
    app = await world.addKey({ redirectUris: ['https://app.example/callback'] })
  })
  const payload = (kind: string) => {
    const iat = Math.floor(Date.now() / 1000)
    return {
      kind,
      jti: `${kind}-${iat}-${randomBytes(4).toString('hex')}`,
      clientId: app.key.id,
      iat,
      exp: iat + 60,
      scope: 'openid',
    }
  }

  test('an opaque access token is told to its client and the guard, and ends by revocation', async () => {
    const token = { ...payload('AccessToken'), format: 'opaque' }
    await opaque('AccessToken').upsert(token.jti, token, 60)
    for (const by of [app, guard]) expect(await introspect(token.jti, by)).toMatchObject({ active: true })
    const stranger = await world.addKey()
    expect(await introspect(token.jti, stranger)).toEqual({ active: false })
    expect((await post('revoke', stranger, { token: token.jti })).status).toBe(200)
    expect(await introspect(token.jti, app)).toMatchObject({ active: true })
    expect((await post('revoke', app, { token: token.jti })).status).toBe(200)
    expect(await introspect(token.jti, app)).toEqual({ active: false })
  })
})

describe('requests to both that cannot be read', () => {
  describe.each(['revoke', 'introspect'] as const)('%s', (what) => {
    test.each([
      ['no token (RFC 7009 §2.1, RFC 7662 §2.1)', '', 400, 'invalid_request'],
      ['a token twice', 'token=a&token=b', 400, 'invalid_request'],
      ['another client_id than that of the header', 'token=x&client_id=other', 400, 'invalid_request'],
      ['two ways of authentication', 'token=x&client_secret=y', 400, 'invalid_request'],
    ])('%s', async (_what, body, status, error) => {
      const response = await post(what, issued, body)
      expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ error })])
      expect(response.headers.get('x-request-id')).toMatch(/./)
    })

    test('a client that is not who it says is invalid_client, also when the token is a JWT', async () => {
      const wrong = { ...issued, secret: makeSecret(issued.key.id, 'live', randomBytes).reveal() }
      const response = await post(what, wrong, { token: await newToken() })
      expect([response.status, await response.json()]).toEqual([
        401,
        { error: 'invalid_client', error_description: 'client authentication failed' },
      ])
    })

    test('no client at all, JSON, GET and a body over 56 KiB are refused', async () => {
      const url = `${world.issuer}/oauth/${what}`
      expect((await fetch(url, { method: 'POST', body: new URLSearchParams({ token: 'x' }) })).status).toBe(
        400,
      )
      expect((await post(what, issued, '{}', { 'content-type': 'application/json' })).status).toBe(400)
      expect((await fetch(url)).status).toBe(405)
      expect((await post(what, issued, `token=${'x'.repeat(57 * 1024)}`)).status).toBe(413)
    })

    test('limits of the key and the address count here, too', async () => {
      const small = await startWorld({
        trustedProxies: 1,
        quotas: { key: { requests: 2, windowSeconds: 60 } },
      })
      try {
        const key = await small.addKey()
        const ask = (address: string) =>
          fetch(`${small.issuer}/oauth/${what}`, {
            method: 'POST',
            headers: { ...basic(key), 'x-forwarded-for': address },
            body: new URLSearchParams({ token: 'x' }),
          })
        const statuses = [await ask('192.0.2.1'), await ask('192.0.2.2'), await ask('192.0.2.3')]
        expect(statuses.map(({ status }) => status)).toEqual([200, 200, 429])
      } finally {
        await small.stop()
      }
    })

    test('a store that is gone is 503 with Retry-After', async () => {
      const token = await newToken()
      if (what === 'revoke')
        vi.spyOn(world.deps, 'commit').mockRejectedValue(new DomainError('store_unavailable', 'gone'))
      else
        vi.spyOn(world.store.artifacts, 'find').mockRejectedValue(
          new DomainError('store_unavailable', 'gone'),
        )
      const response = await post(what, issued, { token: what === 'revoke' ? token : 'opaque' })
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2'])
      expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
    })
  })
})
