import { decodeJwt, exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { appPolicies } from '../../src/consents/app-policy.ts'
import { consents } from '../../src/consents/consent.ts'
import { parseId } from '../../src/ids.ts'
import {
  createInitialAccessToken,
  deleteInitialAccessToken,
} from '../../src/registered-apps/initial-access-token.ts'
import { findRegisteredApp } from '../../src/registered-apps/registered-app.ts'
import { type Service, services } from '../../src/services/service.ts'
import { appUri, ask, authorize, signIn } from './app.ts'
import { Browser } from './browser.ts'
import { startWorld, type World } from './fixture.ts'
import { type Json, send } from './send-json.ts'

let world: World
let issuer: string
let service: Service
beforeEach(async () => {
  world = await startWorld({ trustedProxies: 1 })
  service = await world.change<Service>(services, world.service, { signIn: { registration: 'open' } })
  issuer = world.issuer
  await world.addUser()
})
afterEach(async () => {
  vi.useRealTimers()
  await world.stop()
})

const register = (metadata: unknown = app, headers: Record<string, string> = {}) =>
  send('POST', `${issuer}/oauth/register`, metadata, headers)
const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` })
const app = { client_name: 'Notes', redirect_uris: [appUri] }

describe('POST /{service}/oauth/register (RFC 7591)', () => {
  test('an app is told all that is registered, and its secret this once (§3.2.1)', async () => {
    const { status, json, headers } = await register({ ...app, scope: 'openid patients:read' })
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store'])
    expect(json).toEqual({
      client_id: expect.stringMatching(/^app_/),
      client_id_issued_at: expect.any(Number),
      client_secret: expect.stringMatching(/^lka_[\w-]{43}$/),
      client_secret_expires_at: 0,
      client_name: 'Notes',
      redirect_uris: [appUri],
      post_logout_redirect_uris: [],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      application_type: 'web',
      subject_type: 'public',
      id_token_signed_response_alg: 'ES256',
      backchannel_logout_session_required: false,
      require_auth_time: false,
      require_pushed_authorization_requests: false,
      dpop_bound_access_tokens: false,
      scope: 'openid patients:read',
      registration_client_uri: `${issuer}/oauth/register/${String(json['client_id'])}`,
      registration_access_token: expect.any(String),
    })
  })

  test('an app that says nothing of scopes may ask for each that is delegable', async () => {
    const { json } = await register()
    expect(json['scope']).toBe('openid profile email offline_access patients:read invoices:read')
  })

  test.each([
    ['http://localhost:33418/callback'],
    ['http://127.0.0.1/', 'http://127.0.0.1:33418/'],
    ['http://[::1]/callback'],
  ])(
    'one that people come back to at %s, on their own machine, is native (RFC 8252 §7.3)',
    async (...uris) => {
      const { json } = await register({ redirect_uris: uris, token_endpoint_auth_method: 'none' })
      expect(json).toMatchObject({ application_type: 'native', redirect_uris: uris })
      const [uri = ''] = uris
      const anyPort = new URL(uri)
      anyPort.port = '9'
      const config = await client.discovery(
        new URL(issuer),
        String(json['client_id']),
        undefined,
        client.None(),
        {
          execute: [client.allowInsecureRequests],
        },
      )
      const { url } = await ask(config, { redirectUri: anyPort.href })
      expect((await new Browser(world.origin).open(url)).text).toContain('Sign in')
    },
  )

  test('its secret is kept as a sealed hash, and the registration is in the audit trail of the service', async () => {
    const { json } = await register()
    const id = parseId('app', String(json['client_id']))
    const kept = id && (await findRegisteredApp(world.store.records, id))
    expect(kept?.organizationId).toBe(world.operator.id)
    expect(JSON.stringify(kept)).not.toContain(String(json['client_secret']))
    const events = await world.store.records.list(world.operator.id, auditEvents, 'type', 'app.registered', {
      limit: 2,
    })
    expect(events).toMatchObject([{ target: id, details: { client_name: 'Notes', redirect_uris: [appUri] } }])
    expect(JSON.stringify(events)).not.toContain(String(json['client_secret']))
  })

  test.each<[string, object]>([
    ['client credentials: a machine is an organization’s', { grant_types: ['client_credentials'] }],
    [
      'more than one grant, one of them not for apps',
      { grant_types: ['authorization_code', 'client_credentials'] },
    ],
    ['the implicit grant', { grant_types: ['implicit'], response_types: ['id_token'] }],
    ['the password grant', { grant_types: ['password'] }],
    ['token exchange', { grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'] }],
    ['an ID token at the authorization endpoint', { response_types: ['code id_token'] }],
    ['symmetric assertions', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['an authentication that there is not', { token_endpoint_auth_method: 'tls_client_auth' }],
    ['a scope that there is not', { scope: 'openid admin' }],
    ['a role that is not delegable', { scope: 'desk' }],
    ['pairwise subjects', { subject_type: 'pairwise' }],
    ['a sector identifier', { sector_identifier_uri: 'https://app.example/sector' }],
    ['keys at an address of the network here', { jwks_uri: 'http://10.0.0.1/keys' }],
    ['a name of 101 characters', { client_name: 'x'.repeat(101) }],
    ['a name that is none', { client_name: ' ' }],
    ['a name with a NUL byte', { client_name: 'a\0b' }],
    ['a symmetric ID token', { id_token_signed_response_alg: 'HS256' }],
    ['an unsigned ID token', { id_token_signed_response_alg: 'none' }],
    ['private_key_jwt without keys', { token_endpoint_auth_method: 'private_key_jwt' }],
    [
      'metadata of 20,000 characters',
      { contacts: Array.from({ length: 1_000 }, () => 'somebody@app.example') },
    ],
    ['redirect URIs that are no list', { redirect_uris: appUri }],
    ['no redirect URI', { redirect_uris: [] }],
    ['http on the network', { redirect_uris: ['http://app.example/callback'] }],
    ['a wildcard', { redirect_uris: ['https://*.app.example/callback'] }],
    ['a fragment', { redirect_uris: [`${appUri}#x`] }],
    ['a script', { redirect_uris: ['javascript:alert(1)'], application_type: 'native' }],
    ['a scheme of its own for a web app', { redirect_uris: ['com.example.app:/callback'] }],
    ['21 redirect URIs', { redirect_uris: Array.from({ length: 21 }, (_, i) => `${appUri}/${i}`) }],
    ['a redirect URI that is no text', { redirect_uris: [1] }],
  ])('refuses %s (§3.2.2)', async (_what, metadata) => {
    const { status, json } = await register({ ...app, ...metadata })
    expect([status, json]).toEqual([
      400,
      {
        error: expect.stringMatching(/^invalid_(client_metadata|redirect_uri)$/),
        error_description: expect.any(String),
      },
    ])
  })

  test.each([
    '',
    '[]',
    'null',
    '"x"',
    '{',
    '['.repeat(10_000),
    '{"redirect_uris":{}}',
    '{"__proto__":{"client_id":"x"}}',
  ])('a body %j is refused', async (body) => {
    const { status, json } = await register(body)
    expect([status, Object.keys(json)]).toEqual([400, expect.arrayContaining(['error'])])
  })

  test('registered apps take neither id, secret, role nor organization from what they send', async () => {
    const { json } = await register({
      ...app,
      client_id: 'key_01jz0000000000000000000000',
      client_secret: 'mine',
      role: 'admin',
      organization_id: world.organization.id,
      org_id: world.organization.id,
    })
    expect(json['client_id']).toMatch(/^app_/)
    expect(json['client_secret']).not.toBe('mine')
    expect(JSON.stringify(json)).not.toContain('admin')
  })

  test('is limited for each address, stricter than the rest', async () => {
    const small = await startWorld({
      trustedProxies: 1,
      quotas: { registrations: { requests: 2, windowSeconds: 60 } },
    })
    try {
      await small.change(services, small.service, { signIn: { registration: 'open' } })
      const from = (address: string) =>
        send('POST', `${small.issuer}/oauth/register`, app, { 'x-forwarded-for': address })
      const statuses = []
      for (let i = 0; i < 3; i++) statuses.push((await from('192.0.2.1')).status)
      expect(statuses).toEqual([201, 201, 429])
      expect((await from('192.0.2.2')).status).toBe(201)
    } finally {
      await small.stop()
    }
  })

  test('there is no such endpoint where registration is off, and discovery tells none', async () => {
    const off = await world.addService({ slug: 'library' })
    expect((await send('POST', `${world.origin}/${off.slug}/oauth/register`, app)).status).toBe(404)
    const { json } = await send('GET', `${world.origin}/${off.slug}/.well-known/oauth-authorization-server`)
    expect(json['registration_endpoint']).toBeUndefined()
  })
})

describe('an initial access token (RFC 7591 §3)', () => {
  const happening = () =>
    ({ kind: 'system', id: 'test', organizationId: world.operator.id, requestId: 'req' }) as const
  const make = () =>
    createInitialAccessToken({ ...world.deps }, happening(), service, { name: 'partners', days: 1 })

  beforeEach(async () => {
    service = await world.change<Service>(services, service, {
      signIn: { registration: 'initial_access_token' },
    })
  })

  test('is needed where the service says so, and lets apps register until it expires', async () => {
    expect((await register()).status).toBe(401)
    expect((await register(app, bearer('x'))).status).toBe(401)
    const { text } = await make()
    expect((await register(app, bearer(text.reveal()))).status).toBe(201)
    expect((await register(app, bearer(text.reveal()))).status).toBe(201)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_001 })
    expect((await register(app, bearer(text.reveal()))).status).toBe(401)
  })

  test('does nothing at another service, or once it is deleted; the store has only a hash of it', async () => {
    const { token, text } = await make()
    expect(JSON.stringify(token)).not.toContain(text.reveal())
    const signIn = { registration: 'initial_access_token' } as const
    await world.addService({ slug: 'library', signIn })
    const elsewhere = await send('POST', `${world.origin}/library/oauth/register`, app, bearer(text.reveal()))
    expect(elsewhere.status).toBe(401)
    const deps = { records: world.store.records, commit: world.deps.commit }
    await deleteInitialAccessToken(deps, happening(), service, token.id)
    expect((await register(app, bearer(text.reveal()))).status).toBe(401)
  })
})

describe('what an app does with its own record (RFC 7592)', () => {
  const record = ({ registration_client_uri: uri, registration_access_token: token }: Json) =>
    [String(uri), bearer(token)] as const

  test('it reads it without its secret', async () => {
    const { json } = await register()
    const [uri, headers] = record(json)
    const read = await send('GET', uri, undefined, headers)
    const { client_secret: _secret, client_secret_expires_at: _at, ...rest } = json
    expect([read.status, read.json]).toEqual([200, rest])
  })

  test('it replaces it, with or without the secret in what it sends; the secret stays', async () => {
    const { json } = await register()
    const {
      registration_client_uri,
      registration_access_token,
      client_id_issued_at,
      client_secret_expires_at,
      ...sent
    } = json
    const changed = await send(
      'PUT',
      String(registration_client_uri),
      { ...sent, client_name: 'Notes 2' },
      {
        ...bearer(registration_access_token),
      },
    )
    expect([changed.status, changed.json['client_name']]).toEqual([200, 'Notes 2'])
    expect(changed.json).not.toHaveProperty('client_secret')
    const { client_secret, ...without } = sent
    const again = await send('PUT', String(registration_client_uri), without, {
      ...bearer(changed.json['registration_access_token']),
    })
    expect(again.status).toBe(200)
    const introspected = await fetch(`${issuer}/oauth/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${String(json['client_id'])}:${String(client_secret)}`)}` },
      body: new URLSearchParams({ token: 'x' }),
    })
    expect(introspected.status).toBe(200)
  })

  test('our rules hold there, too', async () => {
    const { json } = await register()
    const [uri, headers] = record(json)
    const { client_id } = json
    for (const metadata of [
      { grant_types: ['client_credentials'] },
      { redirect_uris: ['http://app.example/'] },
    ]) {
      const { status } = await send('PUT', uri, { client_id, ...app, ...metadata }, headers)
      expect(status).toBe(400)
    }
  })

  test("a token of one app does not open another's, and is spent by the attempt", async () => {
    const [one, other] = [(await register()).json, (await register()).json]
    const [uri] = record(other)
    for (const method of ['GET', 'DELETE'])
      expect((await send(method, uri, undefined, bearer(one['registration_access_token']))).status).toBe(401)
    expect((await send('GET', ...([record(other)[0], undefined, record(other)[1]] as const))).status).toBe(
      200,
    )
  })

  test('it deletes it: the app is unknown then', async () => {
    const { json } = await register()
    const [uri, headers] = record(json)
    expect((await send('DELETE', uri, undefined, headers)).status).toBe(204)
    expect((await send('GET', uri, undefined, headers)).status).toBe(401)
    const url = `${issuer}/oauth/authorize?response_type=code&client_id=${String(json['client_id'])}`
    expect((await fetch(url)).status).toBe(400)
  })
})

describe('an app that registered itself', () => {
  const options = { execute: [client.allowInsecureRequests] }
  const letUnverifiedIn = async () => {
    const { id } = world.organization
    const policy = { id, organizationId: id, version: 1, mode: 'all', approved: [] } as const
    await world.add(appPolicies, { ...policy, unverified: 'allow' })
  }

  test('needs an administrator of the person, unless the organization lets unverified apps in', async () => {
    const config = await client.dynamicClientRegistration(new URL(issuer), app, undefined, options)
    const browser = new Browser(world.origin)
    const { url } = await ask(config, { redirectUri: appUri })
    const page = await signIn(browser, await browser.open(url))
    expect(page.text).toContain('has to approve this app')
    expect(page.text).not.toContain('value="allow"')
    const { records } = world.store
    const events = await records.list(world.organization.id, auditEvents, 'type', 'app.requested', {
      limit: 9,
    })
    expect(events).toMatchObject([{ details: { client_id: config.clientMetadata().client_id } }])
    await letUnverifiedIn()
    expect((await browser.open(page.url)).text).toContain('value="allow"')
  })

  test('is told so when the person goes back to it meanwhile', async () => {
    const config = await client.dynamicClientRegistration(new URL(issuer), app, undefined, options)
    const browser = new Browser(world.origin)
    const asked = await ask(config, { redirectUri: appUri })
    const page = await signIn(browser, await browser.open(asked.url))
    expect(page.text).toContain('has to approve this app')
    const { url } = await browser.submit(page, { decision: 'back' })
    expect(url.href).toMatch(
      new RegExp(`^${appUri}\\?error=access_denied&.*organization\\+does\\+not\\+allow`),
    )
  })

  test.each<[string, client.ClientMetadata | object, string]>([
    [
      'public, on the person’s own machine',
      {
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/callback'],
      },
      'http://127.0.0.1:9876/callback',
    ],
    ['with a secret', {}, appUri],
  ])(
    '%s: discovers, registers and gets a token where the organization lets unverified apps in (RFC 8414, 7591)',
    async (_what, metadata, redirectUri) => {
      const config = await client.dynamicClientRegistration(
        new URL(issuer),
        { ...app, ...metadata },
        undefined,
        { ...options, algorithm: 'oauth2' },
      )
      await letUnverifiedIn()
      const browser = new Browser(world.origin)
      const { url, checks } = await ask(config, { redirectUri })
      const consent = await signIn(browser, await browser.open(url))
      expect(consent.text).toContain('Notes')
      const { url: back } = await browser.submit(consent, { decision: 'allow' })
      const tokens = await client.authorizationCodeGrant(config, back, checks)
      const clientId = config.clientMetadata().client_id
      expect(decodeJwt(tokens.access_token)).toMatchObject({
        client_id: clientId,
        org_id: world.organization.id,
        scope: 'patients:read',
        ver: { [clientId]: 1 },
      })
      const next = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
      await client.tokenRevocation(config, next.access_token)
      const isActive = async (token: string) => (await client.tokenIntrospection(config, token)).active
      expect([await isActive(next.access_token), await isActive(tokens.access_token)]).toEqual([false, true])
    },
  )

  test('that deletes itself takes with it what people let it do, and its tokens', async () => {
    const { json } = await register()
    const clientId = String(json['client_id'])
    const secret = client.ClientSecretBasic(String(json['client_secret']))
    const config = await client.discovery(new URL(issuer), clientId, undefined, secret, options)
    await letUnverifiedIn()
    const { access_token: token } = await authorize(world, config)
    const marks = marksOf(token)
    expect(world.deps.endedTokens.has(marks)).toBe(false)
    const uri = String(json['registration_client_uri'])
    await send('DELETE', uri, undefined, bearer(json['registration_access_token']))
    await expect.poll(() => world.deps.endedTokens.has(marks)).toBe(true)
    expect(await world.records.list(world.organization.id, consents, 'all', '', { limit: 5 })).toEqual([])
  })

  test('with keys of its own proves itself by them', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] }
    const { json } = await register({ ...app, jwks, token_endpoint_auth_method: 'private_key_jwt' })
    expect(json).not.toHaveProperty('client_secret')
    const config = await client.discovery(
      new URL(issuer),
      String(json['client_id']),
      undefined,
      client.PrivateKeyJwt({ key: privateKey, kid: 'k' }),
      options,
    )
    expect((await client.tokenIntrospection(config, 'x')).active).toBe(false)
  })

  test('may ask for the scopes that it has listed, and no others are given', async () => {
    const { json } = await register({ ...app, scope: 'patients:read' })
    const config = await client.discovery(
      new URL(issuer),
      String(json['client_id']),
      undefined,
      client.ClientSecretBasic(String(json['client_secret'])),
      options,
    )
    await letUnverifiedIn()
    const browser = new Browser(world.origin)
    const { url, checks } = await ask(config, { scope: 'patients:read invoices:read' })
    const consent = await signIn(browser, await browser.open(url))
    const { url: back } = await browser.submit(consent, { decision: 'allow' })
    const tokens = await client.authorizationCodeGrant(config, back, checks)
    expect(decodeJwt(tokens.access_token)['scope']).toBe('patients:read')
    expect(consent.text).not.toContain('invoices:read')
  })

  test('with a wrong secret is refused, and too many wrong ones are limited', async () => {
    const { json } = await register()
    const wrong = async () => {
      const response = await fetch(`${issuer}/oauth/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${String(json['client_id'])}:wrong`)}` },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x' }),
      })
      return response.status
    }
    const statuses = new Set<number>()
    for (let i = 0; i < 21; i++) statuses.add(await wrong())
    expect([...statuses]).toEqual([401, 429])
  })

  test('is no machine: client credentials are refused', async () => {
    const { json } = await register()
    const response = await fetch(`${issuer}/oauth/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`${String(json['client_id'])}:${String(json['client_secret'])}`)}`,
      },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    expect([response.status, await response.json()]).toMatchObject([400, { error: 'invalid_request' }])
  })

  test('is unknown at another service', async () => {
    const { json } = await register()
    await world.addService({ slug: 'library' })
    const response = await fetch(`${world.origin}/library/oauth/introspect`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`${String(json['client_id'])}:${String(json['client_secret'])}`)}`,
      },
      body: new URLSearchParams({ token: 'x' }),
    })
    expect(response.status).toBe(401)
  })
})

/** What of a token a revocation can name. */
function marksOf(token: string) {
  const {
    ver,
    jti = '',
    grant_id: grantId,
  } = decodeJwt<{ ver: Record<string, number>; grant_id: string }>(token)
  return { authorities: Object.entries(ver), jti, grantId, roles: [], kid: '' }
}
