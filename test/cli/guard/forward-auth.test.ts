import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { forwardAuth } from '../../../src/cli/guard/forward-auth.ts'
import { gatewayKey } from '../../../src/cli/guard/gateway-key.ts'
import { type GatewayName, gateways } from '../../../src/cli/guard/gateways.ts'
import { guardServer } from '../../../src/cli/guard/guard-server.ts'
import { type Identities, identitiesOf } from '../../../src/cli/guard/identity.ts'
import type { Guard, GuardOptions } from '../../../src/sdk/guard.ts'
import { audience, clinicBundle, type Issuer, makeIssuer } from '../../sdk/clinic-issuer.ts'
import { get, guardOf, type Held, heldBy } from '../../sdk/in-process.ts'
import { proofMaker } from '../../sdk/proof-maker.ts'
import { type RawReply, sendRaw } from './raw-request.ts'

let issuer: Issuer
let token: string
let held: Held
let guard: Guard
let identities: Identities
const servers: Server[] = []
beforeAll(async () => {
  issuer = await makeIssuer()
  token = await issuer.sign()
})
beforeEach(async () => {
  held = heldBy(clinicBundle(issuer))
  identities = await identitiesOf('clinic', () => held.nowMs)
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** The guard of a gateway, and the port it answers at. */
async function listen(gateway: GatewayName, options: GuardOptions & { key?: string } = {}): Promise<number> {
  guard = guardOf(held, options)
  const { asking } = gateways[gateway]
  const server = guardServer({
    ...{ guard, identities, takesPathsBelow: asking.kind === 'own' },
    forwardAuth: forwardAuth({
      ...{ guard, identities, gateway: gateways[gateway] },
      isGateway: gatewayKey(options.key),
      refused: () => {},
    }),
    isClosing: () => false,
    failed: (error) => {
      throw error
    },
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Sound: it listens at an address, not at a pipe.
  return (server.address() as AddressInfo).port
}

const bearer = () => `authorization: Bearer ${token}`
const asked = (port: number, ...headers: string[]) =>
  sendRaw(port, ['GET /forward-auth HTTP/1.1', 'host: guard', ...headers])
const pairs = {
  nginx: (method: string, uri: string) => [`X-Original-Method: ${method}`, `X-Original-URI: ${uri}`],
  caddy: (method: string, uri: string) => [`X-Forwarded-Method: ${method}`, `X-Forwarded-Uri: ${uri}`],
}
const nginx = (port: number, method: string, uri: string, ...headers: string[]) =>
  asked(port, ...pairs.nginx(method, uri), ...headers)
const problem = ({ body }: RawReply): unknown => JSON.parse(body)

describe('a gateway is answered 200 for what may go on', () => {
  test('with who calls, what is called and the canonical path', async () => {
    const port = await listen('nginx')
    const reply = await nginx(port, 'GET', '/v1/patients/%37?full=1', bearer())
    expect(reply).toMatchObject({ status: 200, body: '' })
    expect(reply.headers).toMatchObject({
      'x-latchkey-subject': ['key_1'],
      'x-latchkey-client': ['key_1'],
      'x-latchkey-organization': ['org_a'],
      'x-latchkey-operation': ['getPatient'],
      'x-latchkey-path': ['/v1/patients/7'],
      'x-latchkey-decision': [expect.stringMatching(/^dec_/)],
      'cache-control': ['no-store'],
    })
  })

  test('the same at once, for a token that was seen before', async () => {
    const port = await listen('nginx')
    const first = await nginx(port, 'GET', '/v1/patients', bearer())
    const second = await nginx(port, 'GET', '/v1/patients', bearer())
    expect(second.status).toBe(200)
    expect(second.headers['x-latchkey-identity']).toEqual(first.headers['x-latchkey-identity'])
    expect(second.headers['x-latchkey-decision']).not.toEqual(first.headers['x-latchkey-decision'])
  })

  test('and not for what would be shown in part: it sees no response', async () => {
    const bundle = clinicBundle(issuer)
    const filter = [{ operations: ['listPatients'], fields: ['name'] }]
    const roles = bundle.model.roles.map((role) => ({ ...role, filter }))
    held = heldBy({ ...bundle, model: { ...bundle.model, roles } })
    const port = await listen('nginx')
    for (const _ of ['verified', 'seen before']) {
      const reply = await nginx(port, 'GET', '/v1/patients', bearer())
      expect(reply.status).toBe(403)
      expect(problem(reply)).toMatchObject({ code: 'filter_required' })
    }
  })

  test('to anybody where the operation is public, as nobody', async () => {
    const port = await listen('nginx')
    const { status, headers } = await nginx(port, 'GET', '/v1/prices', 'authorization: Bearer nonsense')
    expect(status).toBe(200)
    expect(headers['x-latchkey-operation']).toEqual(['getPrices'])
    for (const name of ['subject', 'organization', 'client', 'identity'])
      expect(headers).not.toHaveProperty(`x-latchkey-${name}`)
  })

  test('to a preflight, as nobody, with a path that can be read in one way only', async () => {
    const port = await listen('nginx')
    const cors = ['origin: https://app.example', 'access-control-request-method: GET']
    const reply = await nginx(port, 'OPTIONS', '/v1/patients', bearer(), ...cors)
    expect(reply.status).toBe(200)
    expect(reply.headers['x-latchkey-path']).toEqual(['/v1/patients'])
    expect(reply.headers).not.toHaveProperty('x-latchkey-subject')
    expect((await nginx(port, 'OPTIONS', '/v1/../patients', ...cors)).status).toBe(401)
    expect((await nginx(port, 'OPTIONS', '/v1/patients', cors[0] ?? '')).status).toBe(401)
  })

  test('HEAD as GET', async () => {
    const port = await listen('nginx')
    const { status, headers } = await nginx(port, 'HEAD', '/v1/patients', bearer())
    expect([status, headers['x-latchkey-operation']]).toEqual([200, ['listPatients']])
  })

  test('an operation’s id that fits into no header is percent-encoded', async () => {
    const odd = held.bundle.model.operations.map((one) =>
      one.id === 'getPrices' ? { ...one, id: 'Preise: 100 % für\r\nalle' } : one,
    )
    held.bundle = { ...held.bundle, model: { ...held.bundle.model, operations: odd } }
    const { status, headers } = await nginx(await listen('nginx'), 'GET', '/v1/prices')
    expect(status).toBe(200)
    const [id = ''] = headers['x-latchkey-operation'] ?? []
    expect(decodeURIComponent(id)).toBe('Preise: 100 % für\r\nalle')
  })
})

describe('what may not go on is refused as the SDK’s middleware would', () => {
  test.each([
    ['without a token', 'GET', '/v1/patients', [], 401, 'invalid_token'],
    ['what no role allows', 'POST', '/v1/patients', ['bearer'], 403, 'operation_not_in_role'],
    ['an unknown path', 'GET', '/v1/nothing', ['bearer'], 404, 'unknown_operation'],
    ['another method', 'DELETE', '/v1/patients', ['bearer'], 405, 'method_not_allowed'],
    ['an ambiguous path', 'GET', '/v1//patients', ['bearer'], 400, 'ambiguous_path'],
    ['two tokens', 'GET', '/v1/patients', ['bearer', 'bearer'], 400, 'ambiguous_request'],
  ])('%s', async (_what, method, url, headers, status, code) => {
    const port = await listen('nginx')
    const sent = headers.map(bearer)
    const reply = await nginx(port, method, url, ...sent)
    expect(reply.status).toBe(status)
    expect(problem(reply)).toMatchObject({ status, code, decision_id: expect.stringMatching(/^dec_/) })
    expect(reply.headers['content-type']).toEqual(['application/problem+json'])
    expect(reply.headers['cache-control']).toEqual(['no-store'])
    const authorization = headers.map(() => `Bearer ${token}`)
    const direct = await guard.check(get(undefined, url, { method, authorization }))
    const { 'www-authenticate': challenge, allow } = direct.headers
    expect(reply.headers['www-authenticate']).toEqual(challenge === undefined ? undefined : [challenge])
    expect(reply.headers['allow']).toEqual(allow === undefined ? undefined : [allow])
    for (const name of ['subject', 'path', 'identity'])
      expect(reply.headers).not.toHaveProperty(`x-latchkey-${name}`)
  })

  test('with 503 where what it knows is too old', async () => {
    const port = await listen('nginx')
    held.isStale = true
    const reply = await nginx(port, 'GET', '/v1/patients', bearer())
    expect(reply.status).toBe(503)
    expect(reply.headers['retry-after']).toEqual(['5'])
  })

  test('and nginx, which hands on no body, finds the problem in a header', async () => {
    const reply = await nginx(await listen('nginx'), 'GET', '/v1/patients')
    const [told = ''] = reply.headers['x-latchkey-problem'] ?? []
    expect(JSON.parse(told)).toEqual(problem(reply))
    const other = await asked(await listen('caddy'), ...pairs.caddy('GET', '/v1/patients'))
    expect(other.headers).not.toHaveProperty('x-latchkey-problem')
  })
})

describe('method and target are read from the one pair of headers that is named', () => {
  test.each([
    ['none', []],
    ['no method', [pairs.nginx('GET', '/v1/prices')[1] ?? '']],
    ['no target', [pairs.nginx('GET', '/v1/prices')[0] ?? '']],
    ['a target twice', [...pairs.nginx('GET', '/v1/prices'), 'x-original-uri: /v1/prices']],
    ['a method twice', [...pairs.nginx('GET', '/v1/prices'), 'X-ORIGINAL-METHOD: GET']],
    ['another gateway’s pair', pairs.caddy('GET', '/v1/prices')],
    [
      'another gateway’s pair beside it',
      [...pairs.nginx('GET', '/v1/prices'), 'x-forwarded-uri: /v1/prices'],
    ],
    ['its own pair with underscores', [...pairs.nginx('GET', '/v1/prices'), 'X_Original_URI: /v1/prices']],
  ])('%s: 400, even where the operation is public', async (_what, headers) => {
    const reply = await asked(await listen('nginx'), ...headers)
    expect(reply.status).toBe(400)
    expect(problem(reply)).toMatchObject({ code: 'ambiguous_request' })
  })

  test.each(['X-Latchkey-Subject', 'x_latchkey_subject', 'X-Latchkey_Anything', 'X_LATCHKEY-identity'])(
    'a header %s that the gateway let through: 400',
    async (name) => {
      const reply = await nginx(await listen('nginx'), 'GET', '/v1/patients', bearer(), `${name}: key_2`)
      expect(reply.status).toBe(400)
      expect(reply.body).toContain(name.toLowerCase())
    },
  )

  test('Envoy asks with the request’s own method, and its path below that of the guard', async () => {
    const port = await listen('envoy')
    const ask = (line: string, ...headers: string[]) =>
      sendRaw(port, [`${line} HTTP/1.1`, 'host: api.clinic.example', ...headers])
    const allowed = await ask('GET /forward-auth/v1/patients/7?full=1', bearer())
    expect([allowed.status, allowed.headers['x-latchkey-path']]).toEqual([200, ['/v1/patients/7']])
    expect((await ask('POST /forward-auth/v1/patients', bearer())).status).toBe(403)
    expect((await ask('GET /forward-auth//v1/patients', bearer())).status).toBe(400)
    expect(
      (await ask('GET /forward-auth/v1/patients', bearer(), ...pairs.caddy('GET', '/v1/prices'))).status,
    ).toBe(400)
    expect((await ask('GET /v1/prices')).status).toBe(404)
    expect((await ask('GET /forward-auth')).status).toBe(404)
  })

  test('a query that the gateway adds to its own address says nothing', async () => {
    const port = await listen('caddy')
    const lines = ['GET /forward-auth?page=2&uri=/v1/prices HTTP/1.1', 'host: guard', bearer()]
    const reply = await sendRaw(port, [...lines, ...pairs.caddy('GET', '/v1/patients/7')])
    expect([reply.status, reply.headers['x-latchkey-path']]).toEqual([200, ['/v1/patients/7']])
  })

  test('however many headers come before it, none is left out', async () => {
    const many = Array.from({ length: 2_500 }, (_, i) => `a${i}: b`)
    const reply = await nginx(await listen('nginx'), 'GET', '/v1/patients', bearer(), ...many, bearer())
    expect(reply.status).toBe(400)
    const tooMuch = await nginx(await listen('nginx'), 'GET', '/v1/prices', `cookie: ${'c'.repeat(70_000)}`)
    expect([tooMuch.status, tooMuch.headers['cache-control']]).toEqual([431, ['no-store']])
  })

  test('a name that a client has made up makes no answer that the gateway cannot take', async () => {
    const name = `X-Latchkey-${'a'.repeat(20_000)}`
    const reply = await nginx(await listen('nginx'), 'GET', '/v1/prices', `${name}: b`)
    expect([reply.status, problem(reply)]).toEqual([
      400,
      expect.objectContaining({ code: 'ambiguous_request' }),
    ])
    expect(reply.headers['x-latchkey-problem']?.[0]?.length).toBeLessThan(400)
  })

  test.each(['100-continue', 'something else'])(
    'a client that expects %s is told nothing before',
    async (what) => {
      const reply = await nginx(await listen('nginx'), 'GET', '/v1/patients', bearer(), `expect: ${what}`)
      expect(reply.status).toBe(200)
    },
  )

  test.each([
    ['no HTTP', ['GET']],
    [
      'a header that ends in a blank',
      ['GET /forward-auth HTTP/1.1', 'host: guard', 'x-original-uri : /v1/prices'],
    ],
    [
      'a body of two lengths',
      ['POST /forward-auth HTTP/1.1', 'host: guard', 'content-length: 1', 'content-length: 2'],
    ],
    [
      'a body that is chunked and has a length',
      ['POST /forward-auth HTTP/1.1', 'host: guard', 'content-length: 1', 'transfer-encoding: chunked'],
    ],
    [
      'a header over two lines',
      ['GET /forward-auth HTTP/1.1', 'host: guard', 'x-original-uri: /v1', ' /prices'],
    ],
  ])('%s: 400, and no cache may keep it', async (_what, lines) => {
    const reply = await sendRaw(await listen('nginx'), lines)
    expect([reply.status, reply.headers['cache-control']]).toEqual([400, ['no-store']])
  })

  test('the address of the guard in its absolute form, and a target of that form, are none', async () => {
    const port = await listen('nginx')
    const absolute = ['GET http://guard/forward-auth HTTP/1.1', 'host: guard', bearer()]
    expect((await sendRaw(port, [...absolute, ...pairs.nginx('GET', '/v1/prices')])).status).toBe(404)
    for (const target of ['http://api.clinic.example/v1/prices', '*', 'v1/prices', ''])
      expect((await nginx(port, 'GET', target, bearer())).status).toBe(400)
  })
})

describe('the caller’s address', () => {
  const cidrs = ['192.0.2.0/24']

  test('is the one that the gateway adds to X-Forwarded-For', async () => {
    const port = await listen('nginx', { trustedProxies: 1 })
    const restricted = `authorization: Bearer ${await issuer.sign({ cidrs })}`
    const from = (...headers: string[]) => nginx(port, 'GET', '/v1/patients', restricted, ...headers)
    expect((await from('x-forwarded-for: 198.51.100.9, 192.0.2.7')).status).toBe(200)
    expect((await from('x-forwarded-for: 192.0.2.7, 198.51.100.9')).status).toBe(401)
  })

  test('is never the gateway’s own', async () => {
    const port = await listen('nginx', { trustedProxies: 1 })
    const local = `authorization: Bearer ${await issuer.sign({ cidrs: ['127.0.0.0/8'] })}`
    expect((await nginx(port, 'GET', '/v1/patients', local)).status).toBe(401)
  })
})

test('a token that is bound to a key needs a proof for the address that clients write (RFC 9449)', async () => {
  const port = await listen('nginx', { publicBase: 'https://api.clinic.example', dpop: { nonce: true } })
  const maker = await proofMaker()
  const bound = await issuer.sign({ cnf: { jkt: maker.thumbprint } })
  const send = async (htu: string, nonce?: string) => {
    const proof = await maker.prove(bound, { htu, nonce })
    return nginx(port, 'GET', '/v1/patients/7', `authorization: DPoP ${bound}`, `dpop: ${proof}`)
  }
  const here = 'https://api.clinic.example/v1/patients/7'
  const challenged = await send(here)
  expect(challenged.status).toBe(401)
  const [nonce = ''] = challenged.headers['dpop-nonce'] ?? []
  expect((await send('http://127.0.0.1:9090/forward-auth', nonce)).status).toBe(401)
  expect((await send(here, nonce)).status).toBe(200)
  held.nowMs += 60_000
  const next = await send(here, nonce)
  held.nowMs -= 60_000
  expect(next.headers['dpop-nonce']).toEqual([expect.stringMatching(/^[\w-]{43}$/)])
})

describe('a gateway that must prove itself', () => {
  const key = randomBytes(32).toString('hex')
  test.each([
    ['its key', [`X-Latchkey-Guard: ${key}`], 200],
    ['no key', [], 403],
    ['another key', [`X-Latchkey-Guard: ${'0'.repeat(64)}`], 403],
    ['a part of it', [`X-Latchkey-Guard: ${key.slice(0, -1)}`], 403],
    ['the key twice', [`X-Latchkey-Guard: ${key}`, `X-Latchkey-Guard: ${key}`], 403],
    ['the key and another', [`X-Latchkey-Guard: ${key}`, 'X-Latchkey-Guard: else'], 403],
  ])('with %s', async (_what, headers, status) => {
    const port = await listen('nginx', { key })
    expect((await nginx(port, 'GET', '/v1/patients', bearer(), ...headers)).status).toBe(status)
    expect((await sendRaw(port, ['GET /readyz HTTP/1.1', 'host: guard'])).status).not.toBe(403)
  })
})

describe('the identity that the API is handed', () => {
  const identityFrom = async (port: number, authorization = bearer()) =>
    (await nginx(port, 'GET', '/v1/patients', authorization)).headers['x-latchkey-identity']?.[0] ?? ''
  const keysOf = async (port: number) => {
    const reply = await sendRaw(port, ['GET /.well-known/jwks.json HTTP/1.1', 'host: guard'])
    return createLocalJWKSet(JSON.parse(reply.body))
  }
  const expected = {
    ...{ typ: 'latchkey-identity+jwt', issuer: 'urn:latchkey:guard:clinic', audience },
    algorithms: ['ES256'],
  }
  const now = () => ({ currentDate: new Date(held.nowMs) })

  test('is a JWT of 60 seconds, signed by the key that the guard publishes', async () => {
    const port = await listen('nginx')
    const { payload } = await jwtVerify(await identityFrom(port), await keysOf(port), {
      ...expected,
      ...now(),
    })
    expect(payload).toMatchObject({
      ...{ sub: 'key_1', client_id: 'key_1', org_id: 'org_a', roles: ['patients:read'], env: 'live' },
    })
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60)
    for (const name of ['ver', 'jti', 'cnf', 'grant_id']) expect(payload).not.toHaveProperty(name)
  })

  test('has half of its life left when it is handed on, and never outlives the token', async () => {
    const port = await listen('nginx')
    const first = await identityFrom(port)
    held.nowMs += 29_000
    expect(await identityFrom(port)).toBe(first)
    held.nowMs += 1_000
    const second = await identityFrom(port)
    expect(second).not.toBe(first)
    const short = `authorization: Bearer ${await issuer.sign({ exp: Math.floor(held.nowMs / 1000) + 20 })}`
    const { payload } = await jwtVerify(await identityFrom(port, short), await keysOf(port), now())
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(20)
  })

  test('of several guards that share a key is one to the API', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    identities = await identitiesOf('clinic', () => held.nowMs, privateKey)
    const identity = await identityFrom(await listen('nginx'))
    identities = await identitiesOf('clinic', () => held.nowMs, privateKey)
    const other = await listen('nginx')
    const { payload } = await jwtVerify(identity, await keysOf(other), { ...expected, ...now() })
    expect(payload.sub).toBe('key_1')
    expect(JSON.stringify(identities.jwks)).not.toContain('"d"')
  })

  test('is no access token, and an access token is no identity', async () => {
    const port = await listen('nginx')
    const identity = await identityFrom(port)
    expect(decodeProtectedHeader(identity).typ).not.toBe('at+jwt')
    const refused = await nginx(port, 'GET', '/v1/patients', `authorization: Bearer ${identity}`)
    expect(refused.status).toBe(401)
    await expect(jwtVerify(token, await keysOf(port), { ...expected, ...now() })).rejects.toThrow()
  })
})

describe('the guard’s own answers', () => {
  const read = (port: number, line: string) => sendRaw(port, [`${line} HTTP/1.1`, 'host: guard'])

  test('say whether it is up', async () => {
    const reply = await read(await listen('nginx'), 'GET /healthz')
    expect([reply.status, reply.body, reply.headers['cache-control']]).toEqual([
      200,
      '{"status":"ok"}',
      ['no-store'],
    ])
  })

  test('say whether it can decide', async () => {
    const port = await listen('nginx')
    expect((await read(port, 'GET /readyz')).status).toBe(200)
    held.isStale = true
    const stale = await read(port, 'GET /readyz')
    expect([stale.status, stale.body]).toEqual([503, expect.stringContaining('"guard":"stale"')])
  })

  test('take nothing in', async () => {
    const port = await listen('nginx')
    const reply = await read(port, 'POST /healthz')
    expect([reply.status, reply.headers['allow']]).toEqual([405, ['GET, HEAD']])
    expect((await read(port, 'GET /metrics')).status).toBe(404)
    expect((await read(port, 'GET /constructor')).status).toBe(404)
  })

  test('tell clients where to get a token, if asked to (RFC 9728)', async () => {
    const path = 'GET /.well-known/oauth-protected-resource/v1'
    expect((await read(await listen('nginx'), path)).status).toBe(404)
    const port = await listen('nginx', { resourceMetadata: { name: 'Clinic' } })
    const reply = await read(port, path)
    expect([reply.status, JSON.parse(reply.body)]).toMatchObject([200, { resource_name: 'Clinic' }])
    expect((await nginx(port, 'GET', '/v1/patients')).headers['www-authenticate']?.[0]).toContain(
      'resource_metadata=',
    )
  })
})

afterAll(() => guard.close())
