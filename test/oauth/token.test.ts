import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askToken, startWorld, tokenOf, type World } from './fixture.ts'

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
