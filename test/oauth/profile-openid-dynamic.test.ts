import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { appPolicies } from '../../src/consents/app-policy.ts'
import { Browser } from './browser.ts'
import { postToken } from './fixture.ts'
import {
  authorizationUrl,
  callback,
  goOn,
  profile,
  type Suite,
  startSuite,
  type Tokens,
  userinfo,
} from './suite.ts'

// Each test is named after the module of OpenID's conformance suite whose questions it asks.

type Json = Readonly<Record<string, unknown>>

let suite: Suite
/** What the suite serves to us: its public keys. */
let jwksUri: string
let keys: readonly Json[] = []
const host = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }))
})
beforeAll(async () => {
  suite = await startSuite('RS256', profile('openid-basic'), { registration: 'open' })
  const { id: organizationId } = suite.organization
  await suite.add(appPolicies, {
    ...{ id: organizationId, organizationId, version: 1 },
    ...{ mode: 'all', unverified: 'allow', approved: [] },
  })
  await once(host.listen(0, '127.0.0.1'), 'listening')
  jwksUri = `http://localhost:${(host.address() as AddressInfo).port}/jwks`
})
afterAll(async () => {
  host.close()
  await suite.stop()
})

let browser: Browser
beforeEach(() => {
  browser = new Browser(suite.origin)
})

async function register(metadata: Json): Promise<{ readonly status: number; readonly json: Json }> {
  const answer = await fetch(`${suite.issuer}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Suite', redirect_uris: [callback], ...metadata }),
  })
  return { status: answer.status, json: (await answer.json()) as Json }
}

/** A client with a key of its own, and how it signs. */
async function newKey(kid = 'first') {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk: Json = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' }
  const sign = (clientId: string, aud = suite.issuer) => {
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({
      iss: clientId,
      sub: clientId,
      aud,
      jti: crypto.randomUUID(),
      iat: now,
      exp: now + 60,
    })
      .setProtectedHeader({ alg: 'RS256', kid })
      .sign(privateKey)
  }
  return { jwk, sign }
}

type Sign = Awaited<ReturnType<typeof newKey>>['sign']

const asserted = async (clientId: string, sign: Sign, aud?: string) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await sign(clientId, aud),
})

/** The flow of a client that has registered itself with these metadata. */
async function run(metadata: Json, sign: Sign, changes: Record<string, string> = {}, aud?: string) {
  const { json } = await register({ token_endpoint_auth_method: 'private_key_jwt', ...metadata })
  const clientId = String(json['client_id'])
  const redirectUri = changes['redirect_uri'] ?? callback
  const url = authorizationUrl(suite, { key: { id: clientId } } as never, changes)
  const back = (await goOn(browser, await browser.open(url))).url
  const form = {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    redirect_uri: redirectUri,
  }
  const answer = await postToken(suite, { ...form, ...(await asserted(clientId, sign, aud)) })
  return { clientId, back, status: answer.status, tokens: (await answer.json()) as Tokens }
}

describe('oidcc-dynamic-certification-test-plan, response_type code', () => {
  test('oidcc-server, oidcc-idtoken-rs256', async () => {
    const { jwk, sign } = await newKey()
    const { tokens, clientId } = await run(
      { jwks: { keys: [jwk] }, id_token_signed_response_alg: 'RS256' },
      sign,
    )
    const published = createRemoteJWKSet(new URL(`${suite.issuer}/oauth/jwks`))
    const { protectedHeader } = await jwtVerify(tokens.id_token ?? '', published, { audience: clientId })
    expect(protectedHeader.alg).toBe('RS256')
  })

  test('oidcc-idtoken-unsigned: not offered', async () => {
    expect(await register({ id_token_signed_response_alg: 'none' })).toMatchObject({
      status: 400,
      json: { error: 'invalid_client_metadata' },
    })
  })

  test('oidcc-userinfo-rs256', async () => {
    const { jwk, sign } = await newKey()
    const { tokens, clientId } = await run(
      { jwks: { keys: [jwk] }, userinfo_signed_response_alg: 'RS256' },
      sign,
    )
    const answer = await userinfo(suite, tokens.access_token)
    expect(answer.headers.get('content-type')).toMatch(/^application\/jwt/)
    const published = createRemoteJWKSet(new URL(`${suite.issuer}/oauth/jwks`))
    const { payload } = await jwtVerify(await answer.text(), published, {
      issuer: suite.issuer,
      audience: clientId,
    })
    expect(payload.sub).toMatch(/^usr_/)
    expect(payload).not.toHaveProperty('nonce')
  })

  test('oidcc-ensure-redirect-uri-in-authorization-request', async () => {
    const { json } = await register({})
    const page = await browser.open(
      authorizationUrl(suite, { key: { id: json['client_id'] } } as never, { redirect_uri: undefined }),
    )
    expect([page.status, page.url.origin]).toEqual([400, suite.origin])
  })

  test('oidcc-redirect-uri-query-OK, -mismatch, -added', async () => {
    const { jwk, sign } = await newKey()
    const withQuery = `${callback}?foo=bar`
    const metadata = { jwks: { keys: [jwk] }, redirect_uris: [withQuery] }
    const { back, status } = await run(metadata, sign, { redirect_uri: withQuery })
    expect([status, back.searchParams.get('foo'), back.searchParams.has('code')]).toEqual([200, 'bar', true])
    const { json } = await register(metadata)
    for (const uri of [`${callback}?bar=foo`, `${withQuery}&x=y`, callback]) {
      const url = authorizationUrl(suite, { key: { id: json['client_id'] } } as never, { redirect_uri: uri })
      expect((await browser.open(url)).status).toBe(400)
    }
  })

  test('oidcc-redirect-uri-regfrag', async () => {
    const { status, json } = await register({ redirect_uris: [`${callback}#foobar`] })
    expect([status, json['error']]).toEqual([400, 'invalid_redirect_uri'])
  })

  test('oidcc-registration-logo-uri, -policy-uri, -tos-uri: kept and told; our pages show nothing of it', async () => {
    const told = {
      logo_uri: 'https://suite.example/logo.png',
      policy_uri: 'https://suite.example/policy',
      tos_uri: 'https://suite.example/terms',
    }
    const { status, json } = await register(told)
    expect([status, json]).toEqual([201, expect.objectContaining(told)])
    const page = await browser.open(authorizationUrl(suite, { key: { id: json['client_id'] } } as never))
    expect(page.text).toContain('name="email"')
    expect(page.text).not.toContain('https://suite.example/')
  })

  test('oidcc-registration-sector-uri, -bad: pairwise is not offered', async () => {
    const sector = { subject_type: 'pairwise', sector_identifier_uri: 'https://suite.example/uris.json' }
    expect(await register(sector)).toMatchObject({ status: 400, json: { error: 'invalid_client_metadata' } })
  })

  test('oidcc-registration-jwks-uri, oidcc-refresh-token-rp-key-rotation', async () => {
    const [first, second] = [await newKey('first'), await newKey('second')]
    keys = [first.jwk]
    const asked = { scope: 'openid offline_access', prompt: 'consent' }
    const { clientId, status, tokens } = await run({ jwks_uri: jwksUri }, first.sign, asked)
    expect(status).toBe(200)
    keys = [second.jwk]
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
    try {
      const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }
      const proof = await asserted(clientId, second.sign)
      const refreshed = await postToken(suite, { ...form, ...proof })
      expect(refreshed.status).toBe(200)
      const old = await asserted(clientId, first.sign)
      expect((await postToken(suite, { ...form, ...old })).status).toBe(401)
    } finally {
      vi.useRealTimers()
    }
  })

  test('oidcc-ensure-client-assertion-with-iss-aud-succeeds, and with the token endpoint', async () => {
    const { jwk, sign } = await newKey()
    const metadata = { jwks: { keys: [jwk] } }
    expect((await run(metadata, sign, {}, suite.issuer)).status).toBe(200)
    expect((await run(metadata, sign, {}, `${suite.issuer}/oauth/token`)).status).toBe(200)
  })
})

describe('oidcc-3rdparty-init-login-certification-test-plan', () => {
  test('oidcc-3rd_party-init-login: told at once, and again when the app reads its record', async () => {
    const initiate_login_uri = 'https://suite.example/login'
    const { status, json } = await register({ initiate_login_uri })
    expect([status, json['initiate_login_uri']]).toEqual([201, initiate_login_uri])
    const headers = { authorization: `Bearer ${json['registration_access_token']}` }
    const read = await fetch(String(json['registration_client_uri']), { headers })
    expect([read.status, await read.json()]).toEqual([200, expect.objectContaining({ initiate_login_uri })])
  })

  test('oidcc-3rd_party-init-login-nohttps', async () => {
    expect(await register({ initiate_login_uri: 'http://suite.example/login' })).toMatchObject({
      status: 400,
      json: { error: 'invalid_client_metadata' },
    })
  })
})
