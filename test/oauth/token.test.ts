import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { usedMark } from '../../src/audit/issued-tokens.ts'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { roles } from '../../src/roles/role.ts'
import { entitlements } from '../../src/services/entitlement.ts'
import { askToken, newId, startWorld, type TokenAnswer, tokenOf, type World } from './fixture.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

describe('POST /{service}/oauth/token with client credentials (RFC 6749 §4.4)', () => {
  test('answers an at+jwt (RFC 9068) that the published keys verify, with exactly the claims of a machine', async () => {
    const issued = await world.addKey()
    const response = await askToken(world, issued)
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const body = await tokenOf(response)
    expect(body).toEqual({ access_token: expect.any(String), expires_in: 900, token_type: 'Bearer' })
    const jwks = createRemoteJWKSet(new URL(`${world.issuer}/oauth/jwks`))
    const { payload, protectedHeader } = await jwtVerify(body.access_token, jwks, {
      issuer: world.issuer,
      audience: world.service.audience,
      typ: 'at+jwt',
    })
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: world.service.signingKeys[0]?.id })
    expect(payload).toEqual({
      iss: world.issuer,
      aud: world.service.audience,
      sub: issued.key.id,
      client_id: issued.key.id,
      org_id: world.organization.id,
      roles: ['desk'],
      ver: { [issued.key.id]: 7, [world.organization.id]: 3 },
      env: 'live',
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 900,
      jti: expect.stringMatching(/^.{20,}$/),
    })
    expect(decodeProtectedHeader(body.access_token).alg).toBe('ES256')
  })
})

describe('scope (RFC 6749 §3.3)', () => {
  test('is in the token only if it was asked for, and narrows', async () => {
    const issued = await world.addKey()
    const both = await tokenOf(await askToken(world, issued, { scope: 'invoices:read patients:read' }))
    expect(both.scope).toBe('invoices:read patients:read')
    expect(claimsOf(both)).toMatchObject({ scope: 'invoices:read patients:read', roles: ['desk'] })
    expect(claimsOf(await tokenOf(await askToken(world, issued)))).not.toHaveProperty('scope')
  })

  test.each([
    ['one that the role does not hold', 'nurse', 'invoices:read'],
    ['one of two that the role does not hold', 'nurse', 'patients:read invoices:read'],
    ['one that no role has', 'desk', 'zzz'],
    ['the role itself, which is not delegable', 'desk', 'desk'],
    ['an identity scope', 'desk', 'openid'],
    ['a property of objects', 'desk', '__proto__'],
  ])('%s is invalid_scope, never left out', async (_what, role, scope) => {
    const response = await askToken(world, await world.addKey({ role }), { scope })
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_scope', scope: scope.split(' ').at(-1) }),
    ])
  })

  test('is bounded by what the organization is entitled to', async () => {
    const { organization, service } = world
    const issued = await world.addKey({ role: 'patients:read' })
    await tokenOf(await askToken(world, issued, { scope: 'patients:read' }))
    const entitlement = await world.add(entitlements, {
      id: service.id,
      organizationId: organization.id,
      version: 1,
      roles: ['invoices:read'],
    })
    expect((await askToken(world, issued, { scope: 'patients:read' })).status).toBe(400)
    await world.change(entitlements, entitlement, { roles: ['desk', 'patients:read', 'nurse'] })
    await tokenOf(await askToken(world, issued, { scope: 'patients:read' }))
  })

  test('is bounded by the statements of an organization-defined role', async () => {
    const { organization, service } = world
    const id = newId('rol')
    await world.add(roles, {
      id,
      organizationId: organization.id,
      version: 1,
      serviceId: service.id,
      name: 'records only',
      description: '',
      allow: [{ operations: ['listPatients'] }],
      createdAt: 1,
      changedAt: 1,
    })
    const issued = await world.addKey({ role: id })
    const token = await tokenOf(await askToken(world, issued, { scope: 'patients:read' }))
    expect(claimsOf(token)).toMatchObject({ scope: 'patients:read', roles: [id] })
    expect((await askToken(world, issued, { scope: 'invoices:read' })).status).toBe(400)
  })
})

describe('resource (RFC 8707)', () => {
  test("the service's audience is the default, and the only one", async () => {
    const issued = await world.addKey()
    const resource = world.service.audience
    expect(claimsOf(await tokenOf(await askToken(world, issued, { resource })))).toMatchObject({
      aud: resource,
    })
    for (const other of ['https://api.elsewhere.example', `${resource}/v1`, `${resource}#x`, world.issuer])
      expect([other, (await askToken(world, issued, { resource: other })).status]).toEqual([other, 400])
    const twice = await askToken(world, issued, `resource=${resource}&resource=${resource}`)
    expect([twice.status, await twice.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_target' }),
    ])
  })
})

describe('the same address, written in another way (RFC 3986 §6.2.3)', () => {
  test.each([
    ['https://api.clinic.example', 'https://api.clinic.example/', true],
    ['https://api.clinic.example/', 'https://api.clinic.example', true],
    ['https://api.clinic.example', 'HTTPS://API.clinic.example:443/', true],
    ['https://api.clinic.example/v1', 'https://api.clinic.example/v1/', false],
    ['https://api.clinic.example/v1', 'https://api.clinic.example/V1', false],
    ['https://api.clinic.example/v1', 'https://api.clinic.example/v1?', false],
  ])('%s is asked for as %s: %s', async (audience, resource, isSame) => {
    const { id, slug } = await world.addService({ slug: `s${newId('svc').slice(-12)}`, audience })
    const issued = await world.addKey({ serviceId: id })
    const answer = await askToken({ issuer: `${world.origin}/${slug}` }, issued, { resource })
    expect(answer.status).toBe(isSame ? 200 : 400)
    if (isSame) expect(claimsOf(await tokenOf(answer))).toMatchObject({ aud: audience })
  })
})

describe('what a token says of its key', () => {
  test('its environment, its tags, its address blocks and the service that it guards', async () => {
    const guarded = newId('svc')
    const issued = await world.addKey({
      environment: 'test',
      cidrs: ['127.0.0.0/8'],
      guardsServiceId: guarded,
      tags: { ward: ['north'] },
    })
    const claims = claimsOf(await tokenOf(await askToken(world, issued)))
    expect(claims).toMatchObject({
      env: 'test',
      cidrs: ['127.0.0.0/8'],
      guards: guarded,
      tags: { ward: ['north'] },
    })
  })

  test('the authority of key and organization as they are now', async () => {
    const { key, secret } = await world.addKey()
    await tokenOf(await askToken(world, { key, secret }))
    await world.change(clientKeys, key, { authority: 8, role: 'nurse' })
    const claims = claimsOf(await tokenOf(await askToken(world, { key, secret })))
    expect(claims).toMatchObject({ roles: ['nurse'], ver: { [key.id]: 8, [world.organization.id]: 3 } })
  })

  test("its end is the service's token life, and never after the key's", async () => {
    const expiresAt = world.clock() + 60_500
    const token = await tokenOf(await askToken(world, await world.addKey({ expiresAt })))
    expect(token.expires_in).toBe(60)
    expect(Number(claimsOf(token)['exp']) * 1000).toBeLessThanOrEqual(expiresAt)
  })

  test('its use is marked and counted', async () => {
    const { key, secret } = await world.addKey()
    const before = world.clock()
    await tokenOf(await askToken(world, { key, secret }))
    await world.activity.flush()
    const marks = await world.store.counters.latest(key.organizationId, [usedMark(key.id)])
    expect(marks.get(usedMark(key.id))).toBeGreaterThanOrEqual(before)
  })
})

function claimsOf({ access_token: token }: TokenAnswer): Record<string, unknown> {
  return decodeJwt(token)
}
