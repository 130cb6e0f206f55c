import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { consents } from '../../src/consents/consent.ts'
import { refreshGraceMs } from '../../src/oauth/refresh-token-adapter.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { type User, users } from '../../src/users/user.ts'
import { appOf, appUri, authorize } from './app.ts'
import { basic, type IssuedKey, postToken, startWorld, type World } from './fixture.ts'

let world: World
let app: IssuedKey
let ann: User
let config: client.Configuration
let refreshToken: string
let accessToken: string
beforeEach(async () => {
  world = await startWorld()
  ann = await world.addUser()
  app = await world.addKey({ name: 'Calendar', redirectUris: [appUri] })
  config = await appOf(world, app)
  const tokens = await authorize(world, config)
  refreshToken = tokens.refresh_token ?? ''
  accessToken = tokens.access_token
})
afterEach(async () => {
  vi.useRealTimers()
  await world.stop()
})

const refresh = (token: string, parameters = {}, by = app) =>
  postToken(world, { grant_type: 'refresh_token', refresh_token: token, ...parameters }, basic(by))
const refused = async (response: Response) => [response.status, (await bodyOf(response))['error']]
const bodyOf = async (response: Response): Promise<Record<string, unknown>> => {
  const body: unknown = await response.json()
  return typeof body === 'object' && body !== null ? { ...body } : {}
}
const later = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
async function isActive(token: string): Promise<unknown> {
  return (await client.tokenIntrospection(config, token)).active
}

describe('refresh tokens (RFC 6749 §6, RFC 9700 §4.14)', () => {
  test('buy a token with the same claims, and are replaced', async () => {
    const answer = await client.refreshTokenGrant(config, refreshToken)
    expect(answer.refresh_token).not.toBe(refreshToken)
    const [before, after] = [decodeJwt(accessToken), decodeJwt(answer.access_token)]
    expect(after).toEqual({
      ...before,
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.not.stringMatching(before.jti ?? ''),
    })
  })

  test('ten parallel uses over HTTP get one successor, and each a token that is good', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => client.refreshTokenGrant(config, refreshToken)),
    )
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1)
    expect(new Set(answers.map((answer) => answer.access_token)).size).toBe(10)
  })

  test('a repeat after the grace ends the grant: its tokens, refresh tokens and consent', async () => {
    const successor = await client.refreshTokenGrant(config, refreshToken)
    expect(await isActive(successor.access_token)).toBe(true)
    later(refreshGraceMs + 1_000)
    expect(await refused(await refresh(refreshToken))).toEqual([400, 'invalid_grant'])
    expect(await refused(await refresh(successor.refresh_token ?? ''))).toEqual([400, 'invalid_grant'])
    await expect.poll(() => isActive(successor.access_token)).toBe(false)
    expect(await world.records.list(world.organization.id, consents, 'all', '', { limit: 10 })).toEqual([])
  })

  test('may ask for less and never for more (§6)', async () => {
    const both = await authorize(world, config, {
      scope: 'patients:read invoices:read',
      more: { prompt: 'consent' },
    })
    const token = both.refresh_token ?? ''
    const less = await bodyOf(await refresh(token, { scope: 'patients:read' }))
    expect(less['scope']).toBe('patients:read')
    expect(await refused(await refresh(refreshToken, { scope: 'invoices:read' }))).toEqual([
      400,
      'invalid_scope',
    ])
  })

  test('are good for their own client alone (§10.4)', async () => {
    const other = await world.addKey({ redirectUris: [appUri] })
    expect(await refused(await refresh(refreshToken, {}, other))).toEqual([400, 'invalid_grant'])
    expect((await refresh(refreshToken)).status).toBe(200)
  })

  test('are unknown at another service', async () => {
    const library = await world.addService({ slug: 'library' })
    const elsewhere = await world.addKey({ serviceId: library.id, redirectUris: [appUri] })
    const response = await postToken(
      { issuer: `${world.origin}/library` },
      { grant_type: 'refresh_token', refresh_token: refreshToken },
      basic(elsewhere),
    )
    expect(await refused(response)).toEqual([400, 'invalid_grant'])
  })

  test('end with the person, and with the organization', async () => {
    const disabled = await world.change(users, ann, { state: { kind: 'disabled', disabledAt: 1 } })
    expect(await refused(await refresh(refreshToken))).toEqual([400, 'invalid_grant'])
    await world.change(users, disabled, { state: { kind: 'active' } })
    await world.change(organizations, world.organization, {
      state: { kind: 'suspended', suspendedAt: 1, reason: 'unpaid' },
    })
    expect((await refresh(refreshToken)).status).toBeGreaterThanOrEqual(400)
  })

  test('carry the roles that the person has now', async () => {
    await world.change(users, ann, { roles: [{ serviceId: world.service.id, role: 'nurse' }], authority: 6 })
    const { access_token: token } = await client.refreshTokenGrant(config, refreshToken)
    expect(decodeJwt(token)).toMatchObject({ roles: ['nurse'], ver: { [ann.id]: 6 } })
  })

  test('expire', async () => {
    later(31 * 86_400_000)
    expect(await refused(await refresh(refreshToken))).toEqual([400, 'invalid_grant'])
  })

  test.each(['', 'x', '\0', 'a.b.c', '../..', 'é'.repeat(500)])('%j is no refresh token', async (token) => {
    const response = await refresh(token)
    expect(response.status).toBe(400)
    expect(['invalid_grant', 'invalid_request']).toContain((await bodyOf(response))['error'])
  })

  test('no value that opens anything is found in the store', async () => {
    const { refresh_token: next = '' } = await client.refreshTokenGrant(config, refreshToken)
    const digest = world.secrets.digest('artifact-ids', next)
    const found = await world.store.artifacts.find(world.service.id, 'RefreshToken', digest)
    expect(found).toBeDefined()
    expect(JSON.stringify(found)).not.toContain(next)
    expect(await world.store.artifacts.find(world.service.id, 'RefreshToken', next)).toBeUndefined()
  })
})

describe('revocation and introspection of refresh tokens (RFC 7009 §2.1, RFC 7662)', () => {
  test('a revoked refresh token ends the grant, its access tokens included', async () => {
    expect(await isActive(refreshToken)).toBe(true)
    await client.tokenRevocation(config, refreshToken)
    expect(await isActive(refreshToken)).toBe(false)
    await expect.poll(() => isActive(accessToken)).toBe(false)
    expect(await refused(await refresh(refreshToken))).toEqual([400, 'invalid_grant'])
  })

  test('a revoked access token ends alone', async () => {
    await client.tokenRevocation(config, accessToken)
    expect(await isActive(accessToken)).toBe(false)
    expect((await refresh(refreshToken)).status).toBe(200)
  })

  test("another client's is answered 200 and lives on; to introspection it is none", async () => {
    const other = await appOf(world, await world.addKey({ redirectUris: [appUri] }))
    await client.tokenRevocation(other, refreshToken)
    expect((await client.tokenIntrospection(other, refreshToken)).active).toBe(false)
    expect(await isActive(refreshToken)).toBe(true)
  })
})

describe('a public client (RFC 9700 §2.2.2)', () => {
  test('whose tokens are bound to a key refreshes with that key alone (RFC 9449 §5)', async () => {
    const redirectUris = ['http://127.0.0.1/callback']
    const key = await world.addKey({
      redirectUris,
      applicationType: 'native',
      authentication: { kind: 'none' },
    })
    const phone = await appOf(world, key, client.None())
    const DPoP = client.getDPoPHandle(phone, await client.randomDPoPKeyPair())
    const { ask, signIn } = await import('./app.ts')
    const { Browser } = await import('./browser.ts')
    const browser = new Browser(world.origin)
    const { url, checks } = await ask(phone, { redirectUri: 'http://127.0.0.1:7777/callback' })
    const { url: back } = await browser.submit(await signIn(browser, await browser.open(url)), {
      decision: 'allow',
    })
    const tokens = await client.authorizationCodeGrant(phone, back, checks, undefined, { DPoP })
    const stolen = tokens.refresh_token ?? ''
    const other = client.getDPoPHandle(phone, await client.randomDPoPKeyPair())
    await expect(client.refreshTokenGrant(phone, stolen, undefined, { DPoP: other })).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await expect(client.refreshTokenGrant(phone, stolen)).rejects.toMatchObject({ error: 'invalid_grant' })
    const answer = await client.refreshTokenGrant(phone, stolen, undefined, { DPoP })
    expect(answer.token_type).toBe('dpop')
  })
})
