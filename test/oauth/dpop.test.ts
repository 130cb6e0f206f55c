import { randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askToken, basic, type IssuedKey, startWorld, tokenOf, type World } from './fixture.ts'

let world: World
let issued: IssuedKey
beforeAll(async () => {
  world = await startWorld()
  issued = await world.addKey()
})
afterAll(() => world.stop())

/** Who holds a key and makes proofs with it (RFC 9449 §4.2). */
async function holder(alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const jwk = await exportJWK(publicKey)
  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    prove: (claims = {}, header = {}) =>
      new SignJWT({
        htm: 'POST',
        htu: `${world.issuer}/oauth/token`,
        iat: Math.floor(Date.now() / 1000),
        jti: randomUUID(),
        ...claims,
      })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey),
  }
}

const ask = async (proof: string, of = issued) => askToken(world, of, {}, { DPoP: proof })

async function errorOf(response: Response): Promise<unknown> {
  const body: unknown = await response.json()
  return typeof body === 'object' && body !== null && 'error' in body ? body.error : body
}

describe('DPoP at the token endpoint (RFC 9449)', () => {
  test.each(['ES256', 'PS256', 'EdDSA'])(
    'a token is bound to the key of the proof (§6.1): %s',
    async (alg) => {
      const { prove, thumbprint } = await holder(alg)
      const { access_token: token, token_type: type } = await tokenOf(await ask(await prove()))
      expect(type).toBe('DPoP')
      expect(decodeJwt(token)).toMatchObject({ cnf: { jkt: thumbprint } })
      const introspected = await fetch(`${world.issuer}/oauth/introspect`, {
        method: 'POST',
        headers: basic(issued),
        body: new URLSearchParams({ token }),
      })
      expect(await introspected.json()).toMatchObject({
        active: true,
        token_type: 'DPoP',
        cnf: { jkt: thumbprint },
      })
    },
  )

  test('works for openid-client', async () => {
    const config = await client.discovery(
      new URL(world.issuer),
      issued.key.id,
      undefined,
      client.ClientSecretBasic(issued.secret),
      { execute: [client.allowInsecureRequests] },
    )
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
    const answer = await client.clientCredentialsGrant(config, {}, { DPoP })
    expect(answer.token_type).toBe('dpop')
  })

  test.each<[string, object, object]>([
    ['for another method (§4.3)', { htm: 'GET' }, {}],
    ['for another address', { htu: 'https://elsewhere.example/clinic/oauth/token' }, {}],
    ['without an id', { jti: undefined }, {}],
    ['without a time', { iat: undefined }, {}],
    ['that is another kind of JWT', {}, { typ: 'JWT' }],
    ['with a nonce that we never gave', { nonce: 'x' }, {}],
    ['made an hour ago', { iat: Math.floor(Date.now() / 1000) - 3_600 }, {}],
  ])('a proof %s is refused', async (_what, claims, header) => {
    const { prove } = await holder()
    const response = await ask(await prove(claims, header))
    expect(response.status).toBe(400)
    expect(['invalid_dpop_proof', 'use_dpop_nonce']).toContain(await errorOf(response))
  })

  test('what is no proof at all is refused', async () => {
    for (const proof of ['x', 'a.b.c', 'e30.e30.', `${'x'.repeat(5_000)}`]) {
      const response = await ask(proof)
      expect([response.status, await errorOf(response)]).toEqual([400, 'invalid_dpop_proof'])
    }
  })

  test('a proof is taken once, also when it comes ten times at once (§11.1)', async () => {
    const { prove } = await holder()
    const proof = await prove()
    const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await ask(proof)).status))
    expect(statuses.toSorted()).toEqual([200, ...Array.from({ length: 9 }, () => 400)])
  })

  test('the nonce that we give stands in for a clock that is wrong (§8)', async () => {
    const { prove } = await holder()
    const iat = Math.floor(Date.now() / 1000) - 3_600
    const refused = await ask(await prove({ iat }))
    const nonce = refused.headers.get('dpop-nonce')
    expect(nonce).toMatch(/./)
    expect((await ask(await prove({ iat, nonce }))).status).toBe(200)
  })

  test('a service that requires it gives no token without a proof (§5), and others do', async () => {
    const service = await world.addService({ slug: 'bound', signIn: { requireDpop: true } })
    const key = await world.addKey({ serviceId: service.id })
    const bound = { issuer: `${world.origin}/bound` }
    const without = await askToken(bound, key)
    expect([without.status, await errorOf(without)]).toEqual([400, 'invalid_grant'])
    const { prove } = await holder()
    const proof = await prove({ htu: `${world.origin}/bound/oauth/token` })
    expect((await askToken(bound, key, {}, { DPoP: proof })).status).toBe(200)
    expect((await askToken(world, issued)).status).toBe(200)
  })
})
