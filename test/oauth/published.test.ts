import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { services } from '../../src/services/service.ts'
import { askToken, signingKey, startWorld, tokenOf, type World } from './fixture.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const authenticatedEndpoint = (name: string, path: string) => ({
  [`${name}_endpoint`]: `${world.issuer}/oauth/${path}`,
  [`${name}_endpoint_auth_methods_supported`]: [
    'client_secret_basic',
    'client_secret_post',
    'private_key_jwt',
    'none',
  ],
  [`${name}_endpoint_auth_signing_alg_values_supported`]: expect.arrayContaining(['ES256', 'RS256', 'EdDSA']),
})
const metadata = () => ({
  issuer: world.issuer,
  token_endpoint: `${world.issuer}/oauth/token`,
  jwks_uri: `${world.issuer}/oauth/jwks`,
  authorization_endpoint: `${world.issuer}/oauth/authorize`,
  authorization_response_iss_parameter_supported: true,
  response_types_supported: ['code'],
  response_modes_supported: ['form_post', 'fragment', 'query'],
  code_challenge_methods_supported: ['S256'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
  claims_parameter_supported: true,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
  userinfo_signing_alg_values_supported: ['ES256'],
  claims_supported: expect.arrayContaining(['sub', 'name', 'email', 'email_verified', 'auth_time']),
  grant_types_supported: [
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:token-exchange',
  ],
  token_endpoint_auth_methods_supported: [
    'client_secret_basic',
    'client_secret_post',
    'private_key_jwt',
    'none',
  ],
  token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['ES256', 'RS256', 'EdDSA']),
  dpop_signing_alg_values_supported: expect.arrayContaining(['ES256', 'PS256', 'EdDSA']),
  backchannel_logout_session_supported: true,
  backchannel_logout_supported: true,
  device_authorization_endpoint: `${world.issuer}/oauth/device`,
  end_session_endpoint: `${world.issuer}/oauth/logout`,
  pushed_authorization_request_endpoint: `${world.issuer}/oauth/par`,
  userinfo_endpoint: `${world.issuer}/oauth/userinfo`,
  ...authenticatedEndpoint('introspection', 'introspect'),
  ...authenticatedEndpoint('revocation', 'revoke'),
  scopes_supported: ['openid', 'profile', 'email', 'offline_access', 'patients:read', 'invoices:read'],
})

describe('metadata (RFC 8414, OpenID Connect Discovery)', () => {
  test.each([
    '/clinic/.well-known/oauth-authorization-server',
    '/clinic/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/clinic',
    '/.well-known/openid-configuration/clinic',
    '/clinic/.WELL-KNOWN/openid-configuration/',
  ])('%s tells what works, and nothing else', async (path) => {
    const response = await fetch(world.origin + path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const body = await response.json()
    expect(body).toEqual(metadata())
    expect(JSON.stringify(body)).not.toMatch(/HS\d|implicit/)
  })

  test('follows the configured origin, whatever Host and forwarding headers say', async () => {
    const answer = await world.raw('GET /clinic/.well-known/openid-configuration', {
      host: 'evil.example',
      headers: ['x-forwarded-host: evil.example', 'x-forwarded-proto: https'],
    })
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
    expect(answer).not.toContain('evil.example')
    expect(answer).toContain(`${world.issuer}/oauth/token`)
  })
})

describe('GET /{service}/oauth/jwks', () => {
  test('may be cached for five minutes, and answers 304 to its ETag', async () => {
    const url = `${world.issuer}/oauth/jwks`
    const first = await fetch(url)
    expect(first.headers.get('cache-control')).toBe('public, max-age=300')
    expect(first.headers.get('content-type')).toBe('application/jwk-set+json')
    const etag = first.headers.get('etag') ?? ''
    const again = await fetch(url, { headers: { 'if-none-match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
    const other = await fetch(url, { headers: { 'if-none-match': '"another"' } })
    expect(other.status).toBe(200)
    const alias = await fetch(`${world.issuer}/.well-known/jwks.json`)
    expect(await alias.text()).toBe(await first.text())
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
  })

  test('publishes next, active and retiring keys without a private part; the active one signs', async () => {
    const [next, active, retiring] = [
      signingKey(world.secrets, 'ES256', { kind: 'next' }),
      signingKey(world.secrets, 'ES256', { kind: 'active' }),
      signingKey(world.secrets, 'ES256', { kind: 'retiring', endsAt: Date.now() + 60_000 }),
    ]
    const service = await world.addService({ slug: 'rotating', signingKeys: [next, active, retiring] })
    const issuer = `${world.origin}/rotating`
    const jwks = await (await fetch(`${issuer}/oauth/jwks`)).json()
    expect(jwks).toEqual({ keys: [next, active, retiring].map(({ publicJwk }) => publicJwk) })
    const issued = await world.addKey({ serviceId: service.id })
    const { access_token: token } = await tokenOf(await askToken({ issuer }, issued))
    const remote = createRemoteJWKSet(new URL(`${issuer}/oauth/jwks`))
    expect((await jwtVerify(token, remote)).protectedHeader.kid).toBe(active.id)
  })

  test('a rotation reaches the next request; what the old key signed still verifies', async () => {
    const old = signingKey(world.secrets)
    const service = await world.addService({ slug: 'turning', signingKeys: [old] })
    const issuer = `${world.origin}/turning`
    const issued = await world.addKey({ serviceId: service.id })
    const { access_token: before } = await tokenOf(await askToken({ issuer }, issued))
    const fresh = signingKey(world.secrets)
    const retiring = { ...old, state: { kind: 'retiring', endsAt: Date.now() + 900_000 } } as const
    await world.change(services, service, { signingKeys: [retiring, fresh] })
    const { access_token: after } = await tokenOf(await askToken({ issuer }, issued))
    const remote = createRemoteJWKSet(new URL(`${issuer}/oauth/jwks`))
    expect((await jwtVerify(before, remote)).protectedHeader.kid).toBe(old.id)
    expect((await jwtVerify(after, remote)).protectedHeader.kid).toBe(fresh.id)
  })

  test.each(['RS256', 'EdDSA'] as const)('a service may sign with %s', async (algorithm) => {
    const key = signingKey(world.secrets, algorithm)
    const slug = `signs-${algorithm.toLowerCase()}`
    const service = await world.addService({ slug, signingAlgorithm: algorithm, signingKeys: [key] })
    const issued = await world.addKey({ serviceId: service.id })
    const { access_token: token } = await tokenOf(
      await askToken({ issuer: `${world.origin}/${slug}` }, issued),
    )
    const local = createLocalJWKSet({ keys: [key.publicJwk] })
    expect((await jwtVerify(token, local, { typ: 'at+jwt' })).protectedHeader.alg).toBe(algorithm)
  })
})

describe('clients with nothing of ours in them', () => {
  test('openid-client discovers the issuer and gets a token that jose verifies by its remote JWKS', async () => {
    const { key, secret } = await world.addKey()
    for (const algorithm of ['oidc', 'oauth2'] as const) {
      const config = await client.discovery(new URL(world.issuer), key.id, secret, undefined, {
        algorithm,
        execute: [client.allowInsecureRequests],
      })
      const { access_token: token } = await client.clientCredentialsGrant(config, {
        resource: world.service.audience,
      })
      const { jwks_uri: jwksUri = '' } = config.serverMetadata()
      const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwksUri)), {
        issuer: world.issuer,
        audience: world.service.audience,
        typ: 'at+jwt',
      })
      expect(payload.sub).toBe(key.id)
    }
  })

  test('openid-client gets one with a signed assertion', async () => {
    const { privateKey, publicKey } = await crypto.subtle.generateKey(
      { name: 'ECDSA', namedCurve: 'P-256' },
      true,
      ['sign', 'verify'],
    )
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: 'k', key_ops: undefined }
    const keys = [JSON.parse(JSON.stringify(jwk))]
    const { key } = await world.addKey({ authentication: { kind: 'private_key_jwt', jwks: { keys } } })
    const config = await client.discovery(
      new URL(world.issuer),
      key.id,
      {},
      client.PrivateKeyJwt({ key: privateKey, kid: 'k' }),
      { execute: [client.allowInsecureRequests] },
    )
    const answer = await client.clientCredentialsGrant(config)
    expect(answer.token_type).toBe('bearer')
  })
})
