import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { generateKeyPair, SignJWT } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { guardedFetch } from '../../src/connections/guarded-fetch.ts'
import { appPolicies } from '../../src/consents/app-policy.ts'
import { hasConsents } from '../../src/consents/consent.ts'
import { registeredApps } from '../../src/registered-apps/registered-app.ts'
import { sweepUnusedApps } from '../../src/registered-apps/sweep-unused-apps.ts'
import { type Service, services } from '../../src/services/service.ts'
import { appUri, ask, authorize, signIn } from './app.ts'
import { Browser } from './browser.ts'
import { startWorld, type World } from './fixture.ts'
import { type Json, send } from './send-json.ts'

let world: World
let service: Service
beforeAll(async () => {
  world = await startWorld({
    outgoing: guardedFetch(),
    quotas: { registrations: { requests: 10_000, windowSeconds: 60 } },
    openAppsMax: 1_000,
  })
  service = await world.change<Service>(services, world.service, {
    signIn: { registration: 'open', brand: { name: 'Riverside' } },
  })
  await world.addUser()
  const { id } = world.organization
  const policy = { id, organizationId: id, version: 1, mode: 'all', approved: [] } as const
  await world.add(appPolicies, { ...policy, unverified: 'allow' })
})
afterAll(() => world.stop())

const app = { client_name: 'Notes', redirect_uris: [appUri] }
const register = (more: object | string = {}, issuer = world.issuer) =>
  send('POST', `${issuer}/oauth/register`, typeof more === 'string' ? more : { ...app, ...more })
const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` })
const configOf = ({ client_id: id, client_secret: secret }: Json) =>
  client.discovery(new URL(world.issuer), String(id), undefined, client.ClientSecretBasic(String(secret)), {
    execute: [client.allowInsecureRequests],
  })

describe('RFC 7591 §5: redirect URIs', () => {
  test.each<[string, string, string?]>([
    ['a script', 'javascript:alert(1)'],
    ['a script of a native app', 'javascript:alert(1)', 'native'],
    ['a script, in capitals', 'JAVASCRIPT:alert(1)', 'native'],
    ['a script, after a line feed', 'java\nscript:alert(1)', 'native'],
    ['data', 'data:text/html,x', 'native'],
    ['a file', 'file:///etc/passwd', 'native'],
    ['a blob', 'blob:https://app.example/x', 'native'],
    ['about', 'about:blank', 'native'],
    ['mail', 'mailto:x@app.example', 'native'],
    ['a view of the source', 'view-source:https://app.example', 'native'],
    ['plain http', 'http://app.example/callback'],
    ['plain http, of a private network', 'http://192.168.0.1/callback'],
    ['plain http, of a native app', 'http://app.example/callback', 'native'],
    ['plain http that begins like loopback', 'http://127.0.0.1.app.example/callback', 'native'],
    ['plain http of all addresses', 'http://0.0.0.0/callback', 'native'],
    ['loopback as a number', 'http://2130706433/callback', 'native'],
    ['a user', 'https://user@app.example/callback'],
    ['a password', 'https://user:x@app.example/callback'],
    ['another host as a user', 'https://app.example@evil.example/callback'],
    ['a fragment', 'https://app.example/callback#'],
    ['a wildcard in the host', 'https://*.example/callback'],
    ['a wildcard in the path', 'https://app.example/*'],
    ['letters of another script', 'https://аpp.example/callback'],
    ['letters with dots', 'https://bücher.example/callback'],
    ['a dot segment', 'https://app.example/a/../callback'],
    ['a back slash', 'https://app.example\\callback'],
    ['capitals in the host', 'https://APP.example/callback'],
    ['a port that is implied', 'https://app.example:443/callback'],
    ['a space', 'https://app.example/ callback'],
    ['a tab', 'https://app.example/\tcallback'],
    ['no host', 'https:///callback'],
    ['no scheme', '//app.example/callback'],
    ['a path', '/callback'],
    ['nothing', ''],
    ['a scheme without a domain', 'notes:/callback', 'native'],
    ['an address of 1,001 characters', `https://app.example/${'x'.repeat(1_000)}`],
    ['a lone surrogate', 'https://app.example/\ud800'],
    ['a NUL', 'https://app.example/\0'],
  ])(
    '%s is refused, alone or beside a good one, for answers and after sign-out',
    async (_what, uri, type) => {
      for (const metadata of [
        { redirect_uris: [uri] },
        { redirect_uris: [appUri, uri] },
        { post_logout_redirect_uris: [uri] },
      ]) {
        const { status, json } = await register({ application_type: type ?? 'web', ...metadata })
        expect([status, json['error']]).toEqual([
          400,
          expect.stringMatching(/^invalid_(redirect_uri|client_metadata)$/),
        ])
      }
    },
  )

  test('100 of them are refused, and the same one twice is one', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `${appUri}/${i}`)
    expect((await register({ redirect_uris: many })).status).toBe(400)
  })
})

describe('RFC 7591 §5: addresses that our server would call', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://app.example/',
    'file:///etc/passwd',
    'ftp://app.example/',
    'https://user@app.example/',
    'https://app.example/#x',
    'javascript:alert(1)',
    '//app.example/',
    'x'.repeat(2_000),
  ])('%s is neither keys nor a place for logout tokens', async (uri) => {
    for (const metadata of [
      { jwks_uri: uri, token_endpoint_auth_method: 'private_key_jwt' },
      { backchannel_logout_uri: uri },
    ])
      expect((await register(metadata)).status).toBe(400)
  })

  test('keys at a private address are never fetched, however the address is written (server-side request forgery)', async () => {
    let connections = 0
    const inside = createServer((socket) => {
      connections += 1
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(inside, 'listening')
    const { port } = inside.address() as AddressInfo
    const { privateKey } = await generateKeyPair('ES256')
    try {
      for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '127.1', '2130706433']) {
        const jwks_uri = new URL(`https://${host}:${port}/keys`).href
        const { json } = await register({ jwks_uri, token_endpoint_auth_method: 'private_key_jwt' })
        const id = String(json['client_id'])
        const assertion = await new SignJWT()
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuer(id)
          .setSubject(id)
          .setAudience(world.issuer)
          .setIssuedAt()
          .setExpirationTime('1m')
          .setJti(host)
          .sign(privateKey)
        const response = await fetch(`${world.issuer}/oauth/token`, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'refresh_token',
            refresh_token: 'x',
            client_assertion: assertion,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          }),
        })
        expect([response.status, await response.text()]).toEqual([401, expect.not.stringContaining(host)])
      }
      expect(connections).toBe(0)
      expect(world.faults).toEqual([])
    } finally {
      inside.close()
    }
  })

  test.each(['logo_uri', 'policy_uri', 'tos_uri', 'client_uri', 'initiate_login_uri'])(
    '%s is never fetched nor shown, and is no script',
    async (name) => {
      for (const uri of ['javascript:alert(1)', 'data:image/png;base64,', 'x'])
        expect((await register({ [name]: uri })).status).toBe(400)
      const inside = 'https://10.0.0.1/secret.png'
      const { json, status } = await register({ [name]: inside })
      expect(status).toBe(201)
      const config = await configOf(json)
      const browser = new Browser(world.origin)
      const consent = await signIn(browser, await browser.open((await ask(config)).url))
      expect(consent.text).not.toContain('10.0.0.1')
    },
  )

  test('a sector identifier and request objects are refused or left out: nothing is fetched for them', async () => {
    const sector_identifier_uri = 'https://10.0.0.1/uris.json'
    expect((await register({ sector_identifier_uri })).status).toBe(400)
    const { json } = await register({ request_uris: ['https://10.0.0.1/request'] })
    expect(json).not.toHaveProperty('request_uris')
  })
})

describe('RFC 7591 §5: names that mislead', () => {
  test.each([
    ['that turns the direction of text', 'Notes \u202egnp.exe'],
    ['that isolates text', 'Notes \u2066x'],
    ['with a NUL', 'No\0tes'],
    ['with a line feed', 'Notes\nApproved by your administrator'],
    ['with a line separator', 'Notes\u2028Approved'],
    ['with a control character beyond ASCII', 'Notes\u0085'],
    ['with DEL', 'Notes\u007f'],
    ['with an invisible letter', 'Latch\u200bkey'],
    ['with a byte order mark', '\ufeffNotes'],
    ['with invisible tags', 'Notes\u{e0041}'],
    ['with a lone surrogate', 'Notes\ud800'],
    ['of letters of two scripts in one word', 'Nоtes'],
    ['of marks upon marks', `N${'\u0301'.repeat(20)}otes`],
    ['of spaces', '   '],
    ['of no letter', '\u3164'],
    ['of 101 characters', 'x'.repeat(101)],
    ['of 100,000 characters', 'x'.repeat(100_000)],
    ['that is no text', 1],
    ['that is a list', ['Notes']],
    ['of ours', 'Latchkey'],
    ['of ours, in another way', ' LATCH-KEY '],
    ['of ours, in wide letters', 'Ｌａｔｃｈｋｅｙ'],
    ['of the service', 'Clinic'],
    ['of its pages', 'riverside'],
  ])('a name %s is refused', async (_what, client_name) => {
    const { status } = await register({ client_name })
    expect([400, 413]).toContain(status)
  })

  test('names of the world, and signs that belong to them, are names', async () => {
    for (const client_name of [
      'Ärztliche Notizen',
      'ノート',
      '笔记',
      'الملاحظات',
      'หมอ',
      '👩‍⚕️ Notes',
      'Clinic Notes',
    ])
      expect((await register({ client_name })).status).toBe(201)
  })

  test('HTML in a name is text', async () => {
    const client_name = '<script>alert(1)</script><b>Approved</b>'
    const config = await configOf((await register({ client_name })).json)
    const browser = new Browser(world.origin)
    const consent = await signIn(browser, await browser.open((await ask(config)).url))
    expect(consent.text).toContain('name="decision"')
    expect(consent.text).not.toContain('<script')
    expect(consent.text).not.toContain('<b>Approved')
  })

  test('who calls itself as an app of an organization does is told apart: unverified, with where it leads', async () => {
    const real = await world.addKey({ name: 'Calendar', redirectUris: [appUri] })
    const elsewhere = 'https://evil.example/callback'
    const fake = await configOf(
      (await register({ client_name: 'Calendar', redirect_uris: [elsewhere] })).json,
    )
    const textOf = async (config: client.Configuration, redirectUri: string) => {
      const browser = new Browser(world.origin)
      return (await signIn(browser, await browser.open((await ask(config, { redirectUri })).url))).text
    }
    const [fakes, reals] = [
      await textOf(fake, elsewhere),
      await textOf(await configOf({ client_id: real.key.id, client_secret: real.secret }), appUri),
    ]
    expect(fakes).toContain('evil.example')
    expect(fakes).toMatch(/nobody|not been checked|unverified|not verified/i)
    expect(reals).not.toMatch(/nobody|not been checked|unverified|not verified/i)
    expect(reals).toContain('North practice')
    expect(fakes).not.toContain('by <bdi>North practice')
  })
})

describe('RFC 7591 §2: what is asked for', () => {
  test.each<[string, object]>([
    ['machines', { grant_types: ['client_credentials'] }],
    ['CIBA', { grant_types: ['urn:openid:params:grant-type:ciba'] }],
    ['assertions', { grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'] }],
    ['no grant at all', { grant_types: [] }],
    ['a grant that is a property of objects', { grant_types: ['__proto__'] }],
    ['grants that are no list', { grant_types: 'authorization_code' }],
    ['grants in a list in a list', { grant_types: [['authorization_code']] }],
    ['secrets that sign', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['certificates', { token_endpoint_auth_method: 'self_signed_tls_client_auth' }],
    ['an authentication that is a list', { token_endpoint_auth_method: ['none'] }],
    ['ID tokens without a signature', { id_token_signed_response_alg: 'none' }],
    ['ID tokens signed by its secret', { id_token_signed_response_alg: 'HS256' }],
    ['assertions signed by a secret', { token_endpoint_auth_signing_alg: 'HS256' }],
    [
      'a key that is secret',
      { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] }, token_endpoint_auth_method: 'private_key_jwt' },
    ],
    ['keys twice', { jwks: { keys: [] }, jwks_uri: 'https://app.example/keys' }],
    ['an application that there is not', { application_type: 'x' }],
    ['letters in a number', { default_max_age: 'x' }],
    ['a scope with a NUL', { scope: 'openid \0' }],
    ['a scope as a list', { scope: ['openid'] }],
    ['a scope of 10,000 letters', { scope: 'x'.repeat(10_000) }],
  ])('%s: refused', async (_what, metadata) => {
    expect((await register(metadata)).status).toBe(400)
  })

  test('NUL bytes, lone surrogates and 10,000 letters are refused in every member, and are no fault of ours', async () => {
    const members = [
      ...['client_name', 'client_uri', 'logo_uri', 'scope', 'tos_uri', 'policy_uri', 'jwks_uri'],
      ...['software_id', 'software_version', 'application_type', 'subject_type', 'initiate_login_uri'],
      ...['token_endpoint_auth_method', 'id_token_signed_response_alg', 'backchannel_logout_uri'],
    ]
    for (const member of members)
      for (const value of ['\0', '\ud800', 'x'.repeat(20_000), {}, [], true]) {
        const { status } = await register({ [member]: value })
        expect([member, value, [201, 400].includes(status)]).toEqual([member, value, true])
      }
    expect(world.faults).toEqual([])
  })

  test('what is not known is neither kept nor told', async () => {
    const secrets = {
      is_admin: true,
      organization_id: 'org_x',
      role: 'admin',
      sealedHash: 'x',
      authority: 99,
    }
    const { json, status } = await register({
      ...secrets,
      software_statement: 'x',
      latchkey_api_scopes: 'desk',
    })
    expect(status).toBe(status === 201 ? 201 : 400)
    for (const name of [...Object.keys(secrets), 'software_statement', 'latchkey_api_scopes'])
      expect(json).not.toHaveProperty(name)
    expect(String(json['scope'])).not.toContain('desk')
  })

  test.each<[string, string, string]>([
    ['a form', 'application/x-www-form-urlencoded', 'redirect_uris=x'],
    ['text', 'text/plain', JSON.stringify(app)],
    ['JSON with a prefix', 'application/json', `)]}'${JSON.stringify(app)}`],
  ])('a body that is %s is not read', async (_what, type, body) => {
    const response = await fetch(`${world.issuer}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    expect(response.status).toBe(400)
  })
})

describe('RFC 7592 §5: registration access tokens', () => {
  const record = ({ registration_client_uri: uri, registration_access_token: token }: Json) =>
    [String(uri), bearer(token)] as const

  test('no other kind of token is one, nor is one of another service', async () => {
    const { json } = await register()
    const [uri] = record(json)
    const other = await world.addService({ slug: 'second', signIn: { registration: 'open' } })
    expect(other.slug).toBe('second')
    const theirs = (await register({}, `${world.origin}/second`)).json
    const { access_token, refresh_token, id_token } = await authorize(
      world,
      await configOf((await register()).json),
      {
        scope: 'openid patients:read',
      },
    )
    const wrong = [
      theirs['registration_access_token'],
      json['client_secret'],
      json['client_id'],
      '',
      '\u00e9',
    ]
    for (const token of [...wrong, access_token, refresh_token, id_token, 'x'.repeat(5_000)])
      for (const method of ['GET', 'DELETE'])
        expect([400, 401]).toContain((await send(method, uri, undefined, bearer(token))).status)
    expect((await send('GET', ...([uri, undefined, record(json)[1]] as const))).status).toBe(200)
  })

  test('one that was replaced by an update is none, and each is good at its own address alone', async () => {
    const { json } = await register()
    const [uri, headers] = record(json)
    const changed = await send('PUT', uri, { ...app, client_id: json['client_id'] }, headers)
    expect(changed.status).toBe(200)
    expect((await send('GET', uri, undefined, headers)).status).toBe(401)
    const next = bearer(changed.json['registration_access_token'])
    expect((await send('GET', uri, undefined, next)).status).toBe(200)
    const secondTime = await send('GET', uri.replace('/clinic/', '/second/'), undefined, next)
    expect(secondTime.status).toBe(401)
  })

  test('it is not taken from the query, the body or a cookie', async () => {
    const { json } = await register()
    const [uri] = record(json)
    const token = String(json['registration_access_token'])
    expect((await send('GET', `${uri}?access_token=${token}`)).status).toBe(400)
    const body = { ...app, client_id: json['client_id'], access_token: token }
    expect([400, 401]).toContain((await send('PUT', uri, body)).status)
    expect((await send('GET', uri, undefined, { cookie: `access_token=${token}` })).status).toBe(401)
  })

  test('a read tells no secret, not even the one that stands for it, and is not stored', async () => {
    const { json } = await register()
    const [uri, headers] = record(json)
    const read = await send('GET', uri, undefined, headers)
    expect(read.json).not.toHaveProperty('client_secret')
    expect(JSON.stringify(read.json)).not.toContain(String(json['client_secret']))
    expect(read.headers.get('cache-control')).toContain('no-store')
  })

  test('an update cannot make it another app, a machine, or one with a secret of its choice', async () => {
    const { json } = await register()
    const [uri, headers] = record(json)
    const other = String((await register()).json['client_id'])
    for (const more of [
      { client_id: other },
      { client_id: undefined },
      { client_id: [json['client_id']] },
      { registration_access_token: 'x' },
      { client_id_issued_at: 0 },
      { client_secret_expires_at: 1 },
    ]) {
      const { status } = await send('PUT', uri, { ...app, client_id: json['client_id'], ...more }, headers)
      expect(status).toBe(400)
    }
    const mine = { ...app, client_id: json['client_id'], client_secret: 'a secret of my choice' }
    await send('PUT', uri, mine, headers)
    const tried = await configOf({ ...json, client_secret: 'a secret of my choice' })
    await expect(client.tokenIntrospection(tried, 'x')).rejects.toMatchObject({ status: 401 })
    expect((await client.tokenIntrospection(await configOf(json), 'x')).active).toBe(false)
  })

  test('an app that asks for less gets less from then on; for more it asks the person', async () => {
    const { json } = await register({ scope: 'openid patients:read invoices:read' })
    const config = await configOf(json)
    const tokens = await authorize(world, config, { scope: 'patients:read invoices:read' })
    const [uri, headers] = record(json)
    const less = { ...app, client_id: json['client_id'], scope: 'openid patients:read' }
    const changed = await send('PUT', uri, less, headers)
    const next = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(next.scope).toBe('patients:read')
    const more = {
      ...less,
      scope: 'openid patients:read invoices:read',
      redirect_uris: [appUri, 'https://new.example/'],
    }
    await send('PUT', uri, more, bearer(changed.json['registration_access_token']))
    const browser = new Browser(world.origin)
    const page = await signIn(browser, await browser.open((await ask(config)).url))
    // It leads elsewhere now: what was remembered was of another app.
    expect(page.text).toContain('name="decision"')
  })

  test('an app that is deleted while somebody is about to allow it gets nothing, and the person is told', async () => {
    const { json } = await register()
    const config = await configOf(json)
    const browser = new Browser(world.origin)
    const consent = await signIn(browser, await browser.open((await ask(config)).url))
    const [uri, headers] = record(json)
    expect((await send('DELETE', uri, undefined, headers)).status).toBe(204)
    const seen = await browser.submit(consent, { decision: 'allow' })
    expect([seen.status, seen.url.origin]).toEqual([404, world.origin])
    expect((await send('DELETE', uri, undefined, headers)).status).toBe(401)
    expect(world.faults).toEqual([])
  })
})

describe('RFC 7591 §5: apps that nobody uses', () => {
  const sweep = () =>
    sweepUnusedApps({ ...world.deps, records: world.store.records, isUsed: hasConsents(world.store.records) })
  const ids = async () =>
    (await world.store.records.locate(registeredApps, 'service', service.id, { limit: 1_000 })).map(
      ({ id }) => id,
    )

  test('are removed after 30 days, and those that are used, or new, or were let in, stay', async () => {
    const unused = String((await register()).json['client_id'])
    const used = (await register()).json
    await authorize(world, await configOf(used))
    await sweep()
    expect(await ids()).toEqual(expect.arrayContaining([unused, used['client_id']]))
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30 * 86_400_000 })
    try {
      const fresh = String((await register()).json['client_id'])
      await sweep()
      const left = await ids()
      expect(left).toEqual(expect.arrayContaining([fresh, used['client_id']]))
      expect(left).not.toContain(unused)
      const events = await world.store.records.list(world.operator.id, auditEvents, 'target', unused, {
        limit: 9,
      })
      expect(events.at(-1)).toMatchObject({ type: 'app.deleted', details: { reason: 'unused' } })
    } finally {
      vi.useRealTimers()
    }
  })

  test('are so many at most where anybody may register: one more is refused in words', async () => {
    const small = await startWorld({ openAppsMax: 2 })
    try {
      await small.change<Service>(services, small.service, { signIn: { registration: 'open' } })
      const answers = []
      for (let i = 0; i < 3; i++) answers.push(await register({}, small.issuer))
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 403])
      expect(answers[2]?.json).toEqual({
        error: 'access_denied',
        error_description: expect.stringContaining('as many apps as it takes'),
      })
      expect(small.faults).toEqual([])
    } finally {
      await small.stop()
    }
  })
})

test('nothing of this was a fault of ours', () => {
  expect(world.faults).toEqual([])
})
