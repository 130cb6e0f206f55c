import { randomUUID } from 'node:crypto'
import { CompactSign, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { listRefusals } from '../../src/audit/activity.ts'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { makeSecret } from '../../src/client-keys/secret-format.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { roles } from '../../src/roles/role.ts'
import {
  askToken,
  basic,
  clientSecret,
  type IssuedKey,
  newId,
  postToken,
  startWorld,
  tokenOf,
  type World,
} from './fixture.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    trustedProxies: 1,
    quotas: { addressFailures: { requests: 10_000, windowSeconds: 60 } },
  })
})
afterAll(() => world.stop())
afterEach(() => {
  vi.useRealTimers()
})

const bytes = (length: number) => crypto.getRandomValues(new Uint8Array(length))

async function reasonsOf({ key }: Pick<IssuedKey, 'key'>): Promise<readonly string[]> {
  await world.activity.flush()
  const refusals = await listRefusals(world.store.counters, key.organizationId, key.id, { limit: 100 })
  return refusals.map(({ reason, address }) => `${reason} ${address}`)
}

/** The one answer that a stranger gets, whatever the reason. */
async function expectRefused(response: Response): Promise<void> {
  expect(response.status).toBe(401)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-request-id')).toMatch(/./)
  expect(await response.json()).toEqual({
    error: 'invalid_client',
    error_description: 'client authentication failed',
  })
}

describe('client_secret_basic and client_secret_post (RFC 6749 §2.3.1)', () => {
  test('both are taken, for every key', async () => {
    const issued = await world.addKey()
    await tokenOf(await askToken(world, issued))
    await tokenOf(
      await postToken(world, {
        grant_type: 'client_credentials',
        client_id: issued.key.id,
        client_secret: issued.secret,
      }),
    )
  })

  test('a failure answers a Basic challenge only to who used Basic (§5.2)', async () => {
    const issued = await world.addKey()
    const wrong = { ...issued, secret: makeSecret(issued.key.id, 'live', bytes).reveal() }
    const withBasic = await askToken(world, wrong)
    expect(withBasic.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
    await expectRefused(withBasic)
    const posted = await postToken(world, {
      grant_type: 'client_credentials',
      client_id: issued.key.id,
      client_secret: wrong.secret,
    })
    expect(posted.headers.get('www-authenticate')).toBeNull()
    await expectRefused(posted)
    expect(await reasonsOf(issued)).toEqual(['wrong_secret 127.0.0.1'])
  })

  test('a secret that is malformed, or of another key, is refused without a look at any record', async () => {
    const issued = await world.addKey()
    const other = await world.addKey()
    await tokenOf(await askToken(world, issued))
    const find = vi.spyOn(world.records, 'find')
    const locate = vi.spyOn(world.records, 'locate')
    const flipped = issued.secret.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
    for (const secret of [flipped, 'x', 'lk_live_', other.secret, `${issued.secret}0`])
      await expectRefused(await askToken(world, { ...issued, secret }))
    expect(find.mock.calls.map(([, { name }]) => name)).not.toContain('client_keys')
    expect(locate.mock.calls.map(([{ name }]) => name)).not.toContain('client_keys')
    vi.restoreAllMocks()
    expect(await reasonsOf(issued)).toEqual([])
  })

  test('an id that was never given is answered like a wrong secret', async () => {
    const id = newId('key')
    const absent = { key: { id }, secret: makeSecret(id, 'live', bytes).reveal() }
    await expectRefused(await askToken(world, absent))
  })

  test('two secrets work while one is rotated out, and it stops at its end', async () => {
    const id = newId('key')
    const [old, fresh] = [1, 2].map(() => makeSecret(id, 'live', bytes).reveal())
    if (old === undefined || fresh === undefined) throw new Error('two secrets are needed')
    const endsAt = world.clock() + 5_000
    const secrets = [clientSecret(world.secrets, id, old, endsAt), clientSecret(world.secrets, id, fresh)]
    const { key } = await world.addKey({ id, authentication: { kind: 'secret', secrets } })
    await tokenOf(await askToken(world, { key, secret: old }))
    await tokenOf(await askToken(world, { key, secret: fresh }))
    vi.useFakeTimers({ toFake: ['Date'], now: endsAt })
    await expectRefused(await askToken(world, { key, secret: old }))
    await tokenOf(await askToken(world, { key, secret: fresh }))
    expect(await reasonsOf({ key })).toEqual(['secret_ended 127.0.0.1'])
  })
})

describe('a key that may not be used', () => {
  test.each([
    ['disabled', { state: { kind: 'disabled', disabledAt: 1 } }],
    ['revoked', { state: { kind: 'revoked', revokedAt: 1, reason: 'key_compromise' } }],
    ['expired', { expiresAt: 1_000 }],
    ['role_deleted', { role: newId('rol') }],
  ] as const)('is refused when it is %s, and its organization can read why', async (reason, change) => {
    const issued = await world.addKey(change)
    await expectRefused(await askToken(world, issued))
    expect(await reasonsOf(issued)).toEqual([`${reason} 127.0.0.1`])
  })

  test('a key whose organization is suspended is refused at once, and works again after', async () => {
    const organization = await world.addOrganization()
    const issued = await world.addKey({ organizationId: organization.id })
    await tokenOf(await askToken(world, issued))
    const suspended = await world.change(organizations, organization, {
      state: { kind: 'suspended', suspendedAt: world.clock(), reason: 'unpaid' },
    })
    await expectRefused(await askToken(world, issued))
    expect(await reasonsOf(issued)).toEqual(['organization_suspended 127.0.0.1'])
    await world.change(organizations, suspended, { state: { kind: 'active' } })
    await tokenOf(await askToken(world, issued))
  })

  test('a key revoked now is refused by the next request', async () => {
    const issued = await world.addKey()
    await tokenOf(await askToken(world, issued))
    await world.change(clientKeys, issued.key, {
      state: { kind: 'revoked', revokedAt: world.clock(), reason: 'superseded' },
    })
    await expectRefused(await askToken(world, issued))
  })

  test('a key of another service is unknown here', async () => {
    const library = await world.addService({ slug: 'library' })
    const issued = await world.addKey({ serviceId: library.id })
    await expectRefused(await askToken(world, issued))
    expect(await reasonsOf(issued)).toEqual(['wrong_service 127.0.0.1'])
    await tokenOf(await askToken({ issuer: `${world.origin}/library` }, issued))
  })

  test('an address outside of its blocks is refused; the address is that of the trusted hop', async () => {
    const issued = await world.addKey({ cidrs: ['10.1.0.0/16', '2001:db8::/32'] })
    const from = (address: string) => askToken(world, issued, {}, { 'x-forwarded-for': address })
    await expectRefused(await from('10.1.2.3, 192.0.2.7'))
    expect(await reasonsOf(issued)).toEqual(['address_not_allowed 192.0.2.7'])
    await tokenOf(await from('192.0.2.7, 10.1.2.3'))
    await tokenOf(await from('2001:db8::7'))
  })

  test('a key in its last second is expired: no token could live', async () => {
    const nowMs = 2_000_000_000_000
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs })
    await expectRefused(await askToken(world, await world.addKey({ expiresAt: nowMs + 999 })))
    const token = await tokenOf(await askToken(world, await world.addKey({ expiresAt: nowMs + 1_000 })))
    expect(token.expires_in).toBe(1)
  })

  test('a role of the organization lets its key in as long as it exists', async () => {
    const id = newId('rol')
    const { organization, service } = world
    const issued = await world.addKey({ role: id })
    await expectRefused(await askToken(world, issued))
    await world.add(roles, {
      id,
      organizationId: organization.id,
      version: 1,
      serviceId: service.id,
      name: 'export',
      description: '',
      allow: [],
      createdAt: 1,
      changedAt: 1,
    })
    await tokenOf(await askToken(world, issued))
  })
})

describe('private_key_jwt (RFC 7523)', () => {
  async function assertingKey() {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
    const { key } = await world.addKey({ authentication: { kind: 'private_key_jwt', jwks: { keys: [jwk] } } })
    const assert = (claims: Record<string, unknown> = {}) =>
      new SignJWT({ iss: key.id, sub: key.id, aud: world.issuer, jti: randomUUID(), ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1000) + 60)
        .sign(privateKey)
    return { key, assert }
  }

  function present(assertion: string, headers: Record<string, string> = {}) {
    const parameters = {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    }
    return postToken(world, parameters, headers)
  }

  test('an assertion for the issuer, or for the token endpoint, buys a token', async () => {
    const { key, assert } = await assertingKey()
    for (const aud of [
      world.issuer,
      `${world.issuer}/oauth/token`,
      ['https://elsewhere.example', world.issuer],
    ]) {
      const { access_token: token } = await tokenOf(await present(await assert({ aud })))
      expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
        sub: key.id,
      })
    }
  })

  test('any other audience is refused, the one that a forged Host would make included', async () => {
    const { key, assert } = await assertingKey()
    const aud = 'http://evil.example/clinic/oauth/token'
    await expectRefused(await present(await assert({ aud })))
    const raw = await world.raw('POST /clinic/oauth/token', {
      host: 'evil.example',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assert({ aud }),
      }).toString(),
    })
    expect(raw).toMatch(/^HTTP\/1.1 401 /)
    expect(await reasonsOf({ key })).toEqual(['assertion_refused 127.0.0.1'])
  })

  test('of twenty that present one assertion at once, one gets a token', async () => {
    const { assert } = await assertingKey()
    const assertion = await assert()
    const answers = await Promise.all(Array.from({ length: 20 }, () => present(assertion)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...new Array(19).fill(401)])
  })

  test.each([
    ['expired', () => ({ exp: Math.floor(Date.now() / 1000) - 60 })],
    ['valid for more than an hour', () => ({ exp: Math.floor(Date.now() / 1000) + 3_700 })],
    ['without a jti', () => ({ jti: undefined })],
    ['with a jti that is no text', () => ({ jti: 7 })],
    ['issued by another', () => ({ iss: newId('key') })],
    ['about nobody', () => ({ sub: { toString: 1 } })],
  ])('an assertion that is %s is refused', async (_what, claims) => {
    const { key } = await assertingKey()
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'two' }
    const changed = await world.change(clientKeys, key, {
      authentication: { kind: 'private_key_jwt', jwks: { keys: [jwk] } },
    })
    const exp = Math.floor(Date.now() / 1000) + 60
    const usual = { iss: changed.id, sub: changed.id, aud: world.issuer, jti: randomUUID(), exp }
    // Bytes, since the library that signs would refuse some of these claims.
    const payload = Buffer.from(JSON.stringify({ ...usual, ...claims() }))
    const assertion = await new CompactSign(payload)
      .setProtectedHeader({ alg: 'ES256', kid: 'two' })
      .sign(privateKey)
    await expectRefused(await present(assertion))
  })

  test('a symmetric algorithm, or none, is refused', async () => {
    const { key } = await assertingKey()
    const claims = { iss: key.id, sub: key.id, aud: world.issuer, jti: randomUUID() }
    const hs256 = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1m')
      .sign(Buffer.from('-'.repeat(32)))
    await expectRefused(await present(hs256))
    const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const exp = Math.floor(Date.now() / 1000) + 60
    await expectRefused(await present(`${encode({ alg: 'none' })}.${encode({ ...claims, exp })}.`))
  })

  test('a key that signs takes no secret, and the other way round', async () => {
    const { key, assert } = await assertingKey()
    const secret = makeSecret(key.id, 'live', bytes).reveal()
    await expectRefused(await askToken(world, { key, secret }))
    expect(await reasonsOf({ key })).toEqual(['wrong_authentication_method 127.0.0.1'])
    const issued = await world.addKey()
    await expectRefused(await present(await assert({ iss: issued.key.id, sub: issued.key.id })))
  })

  test('who proves nothing gets nothing', async () => {
    const { key } = await assertingKey()
    await expectRefused(await postToken(world, { grant_type: 'client_credentials', client_id: key.id }))
    const twice = await askToken(world, await world.addKey(), { client_secret: 'x' })
    expect(twice.status).toBe(400)
    expect(basic(await world.addKey())).toHaveProperty('authorization')
  })
})
