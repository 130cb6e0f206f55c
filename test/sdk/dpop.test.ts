import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { base64url } from 'jose'
import Koa from 'koa'
import {
  allowInsecureRequests,
  Configuration,
  fetchProtectedResource,
  getDPoPHandle,
  None,
  randomDPoPKeyPair,
} from 'openid-client'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Guard, GuardOptions } from '../../src/sdk/guard.ts'
import type { GuardRequest } from '../../src/sdk/guard-answer.ts'
import { clinicBundle, type Issuer, issuer as iss, makeIssuer, nowMs } from './clinic-issuer.ts'
import { get, guardOf, type Held, heldBy } from './in-process.ts'
import { type ProofMaker, proofMaker } from './proof-maker.ts'

const algs = 'algs="ES256 PS256 EdDSA Ed25519"'
let issuer: Issuer
let client: ProofMaker
let thief: ProofMaker
let held: Held
let guard: Guard
let token: string

beforeAll(async () => {
  ;[issuer, client, thief] = await Promise.all([makeIssuer(), proofMaker(), proofMaker()])
  token = await issuer.sign({ cnf: { jkt: client.thumbprint } })
})
beforeEach(() => {
  held = heldBy(clinicBundle(issuer))
  guard = guardOf(held)
})

function ask(dpop: GuardRequest['dpop'], more: Partial<GuardRequest> = {}): GuardRequest {
  return get(undefined, undefined, { authorization: `DPoP ${token}`, dpop, ...more })
}
async function proven(claims: Record<string, unknown> = {}, header = {}, by: Guard = guard) {
  return by.check(ask(await client.prove(token, claims, header)))
}
function challengeOf(answer: Awaited<ReturnType<Guard['check']>>): string {
  return answer.allowed ? '' : (answer.headers['www-authenticate'] ?? '')
}

describe('a token bound to a key (RFC 9449 §7.1)', () => {
  test('is let in with a proof of the key, as often as there is a new one', async () => {
    for (let i = 0; i < 3; i++)
      expect(await proven()).toMatchObject({ allowed: true, caller: { id: 'key_1' } })
  })

  test('is refused without a proof, though it was let in with one before', async () => {
    expect(await proven()).toMatchObject({ allowed: true })
    const answer = await guard.check(ask(undefined))
    expect(answer).toMatchObject({ status: 401, reason: 'invalid_token' })
    expect(challengeOf(answer)).toMatch(/^DPoP realm="clinic", error="invalid_dpop_proof", /)
    expect(challengeOf(answer)).toContain(algs)
  })

  test('sent as Bearer is refused, with a proof or without, seen before or not', async () => {
    for (const dpop of [undefined, await client.prove(token)]) {
      const answer = await guard.check(get(token, undefined, { dpop }))
      expect(answer).toMatchObject({ status: 401, reason: 'invalid_token' })
      expect(challengeOf(answer)).toMatch(/^DPoP realm="clinic", error="invalid_token", .*algs="/)
    }
    expect(await proven()).toMatchObject({ allowed: true })
    expect(await guard.check(get(token))).toMatchObject({ status: 401 })
  })

  test('is refused to whoever stole it and proves another key', async () => {
    const answer = await guard.check(ask(await thief.prove(token)))
    expect(answer).toMatchObject({ status: 401 })
    expect(challengeOf(answer)).toContain('error="invalid_token"')
    expect(challengeOf(answer)).toContain('bound to another key')
  })

  test('that is refused for another reason is told so under its own scheme', async () => {
    const request = { ...ask(undefined), method: 'POST' }
    const dpop = await client.prove(token, { htm: 'POST' })
    const denied = await guard.check({ ...request, dpop })
    expect(denied).toMatchObject({ status: 403, reason: 'operation_not_in_role' })
    expect(challengeOf(denied)).toBe(`DPoP realm="clinic", error="insufficient_scope", ${algs}`)
    held.revocations.push({ kind: 'authority', of: 'key_1', lowest: 4, forget_at: '2030-01-03T00:00:00Z' })
    const revoked = await proven()
    expect(revoked).toMatchObject({ reason: 'token_revoked' })
    expect(challengeOf(revoked)).toMatch(/^DPoP /)
  })

  test.each([
    ['a certificate', { 'x5t#S256': 'x'.repeat(43) }],
    ['a key and a certificate', { jkt: 'x'.repeat(43), 'x5t#S256': 'x'.repeat(43) }],
    ['a key in full', { jwk: { kty: 'EC' } }],
    ['nothing', {}],
    ['no thumbprint', { jkt: 'short' }],
    ['a text', 'jkt'],
    ['null', null],
  ])('in another way is refused: %s', async (_name, cnf) => {
    // Where it names a key, the proof is of that very key: what is refused is the rest.
    const named = typeof cnf === 'object' && cnf !== null && 'jkt' in cnf && cnf.jkt !== 'short'
    const other = await issuer.sign({ cnf: named ? { ...cnf, jkt: client.thumbprint } : cnf })
    for (const scheme of ['Bearer', 'DPoP']) {
      const authorization = `${scheme} ${other}`
      const answer = await guard.check({ ...ask(await client.prove(other)), authorization })
      expect(answer).toMatchObject({ status: 401, reason: 'invalid_token' })
    }
  })
})

describe('a token that is not bound', () => {
  test('sent as DPoP is refused', async () => {
    const bearer = await issuer.sign()
    const request = { ...ask(await client.prove(bearer)), authorization: `DPoP ${bearer}` }
    expect(challengeOf(await guard.check(request))).toMatch(/^Bearer realm="clinic", error="invalid_token"/)
    expect(await guard.check(get(bearer))).toMatchObject({ allowed: true })
  })

  test('is refused where proofs are required, and a stranger is told how to come', async () => {
    const strict = guardOf(held, { dpop: { required: true, algorithms: ['ES256'] } })
    const answer = await strict.check(get(await issuer.sign()))
    expect(answer).toMatchObject({ status: 401 })
    expect(challengeOf(answer)).toMatch(/^DPoP realm="clinic", error="invalid_token", .*, algs="ES256"$/)
    expect(challengeOf(await strict.check(get(undefined)))).toBe('DPoP realm="clinic", algs="ES256"')
    expect(await proven({}, {}, strict)).toMatchObject({ allowed: true })
  })
})

describe('a proof (RFC 9449 §4.3)', () => {
  const wrong: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>?])[] = [
    ['of another type (4)', {}, { typ: 'JWT' }],
    ['without a type (4)', {}, { typ: undefined }],
    ['without a method (3)', { htm: undefined }],
    ['for another method (8)', { htm: 'POST' }],
    ['for the method in lower case (8)', { htm: 'get' }],
    ['without an address (3)', { htu: undefined }],
    ['for another path (9)', { htu: 'https://api.clinic.example/v1/patients/7' }],
    ['for another host (9)', { htu: 'https://evil.example/v1/patients' }],
    ['for another port (9)', { htu: 'https://api.clinic.example:8443/v1/patients' }],
    ['for plain HTTP (9)', { htu: 'http://api.clinic.example/v1/patients' }],
    ['for an address with a user in it (9)', { htu: 'https://u@api.clinic.example/v1/patients' }],
    ['for a path alone (9)', { htu: '/v1/patients' }],
    ['without a hash of the token (3)', { ath: undefined }],
    ['for another token (12a)', { ath: 'x'.repeat(43) }],
    ['without an id (3)', { jti: undefined }],
    ['with an empty id (3)', { jti: '' }],
    ['whose id is no text (3)', { jti: 7 }],
    ['with an id beyond bounds (11.2)', { jti: 'x'.repeat(1001) }],
    ['without a time (3)', { iat: undefined }],
    ['made too long ago (11)', { iat: nowMs / 1000 - 61 }],
    ['made in the future (11)', { iat: nowMs / 1000 + 61 }],
    ['that has expired by its own words', { exp: nowMs / 1000 - 1 }],
  ]
  test.each(wrong.map(([name, claims, header = {}]) => ({ name, claims, header })))(
    '$name is refused',
    async ({ claims, header }) => {
      const answer = await proven(claims, header)
      expect(answer).toMatchObject({ status: 401, reason: 'invalid_token' })
      expect(challengeOf(answer)).toContain('error="invalid_dpop_proof"')
    },
  )

  test('within the window of time is let in (11)', async () => {
    expect(await proven({ iat: nowMs / 1000 - 59 })).toMatchObject({ allowed: true })
    expect(await proven({ iat: nowMs / 1000 + 59 })).toMatchObject({ allowed: true })
  })

  test.each([
    'HTTPS://API.clinic.example:443/v1/patients',
    'https://api.clinic.example/v1/patients?page=2#top',
    'https://api.clinic.example/v1/%70atients',
  ])('for the same address, written another way, is let in (9): %s', async (htu) => {
    expect(await proven({ htu })).toMatchObject({ allowed: true })
  })

  test('used twice is refused, whichever token it came with first (11.1)', async () => {
    const proof = await client.prove(token)
    expect(await guard.check(ask(proof))).toMatchObject({ allowed: true })
    const again = await guard.check(ask(proof))
    expect(again).toMatchObject({ status: 401 })
    expect(challengeOf(again)).toContain('jti')
    held.nowMs += 59_000
    expect(await guard.check(ask(proof))).toMatchObject({ status: 401 })
    held.nowMs += 62_000
    expect(await guard.check(ask(proof))).toMatchObject({ status: 401 })
  })

  test('sent ten times at once is taken once (11.1)', async () => {
    const proof = await client.prove(token)
    const answers = await Promise.all(Array.from({ length: 10 }, () => guard.check(ask(proof))))
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(1)
  })

  test('with an id that another key has used is let in: nobody spends the ids of others', async () => {
    const others = await issuer.sign({ cnf: { jkt: thief.thumbprint } })
    const first = { ...ask(await thief.prove(others, { jti: 'same' })), authorization: `DPoP ${others}` }
    expect(await guard.check(first)).toMatchObject({ allowed: true })
    expect(await proven({ jti: 'same' })).toMatchObject({ allowed: true })
    expect(await proven({ jti: 'same' })).toMatchObject({ status: 401 })
  })

  test('is remembered as long as it would be taken, and no more of them than asked for', async () => {
    const small = guardOf(held, { dpop: { proofsMax: 2 } })
    const proofs = await Promise.all([1, 2, 3].map(() => client.prove(token)))
    for (const proof of proofs) expect(await small.check(ask(proof))).toMatchObject({ allowed: true })
    expect(await small.check(ask(proofs[2]))).toMatchObject({ status: 401 })
    expect(await small.check(ask(proofs[1]))).toMatchObject({ status: 401 })
  })

  test('more than one is refused, in one header or two (1)', async () => {
    const [one, two] = [await client.prove(token), await client.prove(token)]
    for (const dpop of [[one, two], `${one}, ${two}`, [], ''])
      expect(challengeOf(await guard.check(ask(dpop)))).toContain('error="invalid_dpop_proof"')
  })

  test.each(['x', 'a.b.c', 'a'.repeat(9000), '..', 'e30.e30.e30'])(
    'that is no JWT is refused (2)',
    async (dpop) => {
      expect(challengeOf(await guard.check(ask(dpop)))).toContain('error="invalid_dpop_proof"')
    },
  )

  test('signed by another key than the one in its header is refused (6)', async () => {
    const [header, payload] = (await client.prove(token)).split('.')
    const [, , signature] = (await client.prove(token)).split('.')
    expect(await guard.check(ask(`${header}.${payload}.${signature}`))).toMatchObject({ status: 401 })
    expect(await guard.check(ask(await thief.prove(token, {}, { jwk: client.jwk })))).toMatchObject({
      status: 401,
    })
  })

  test('with the private key in its header is refused (7)', async () => {
    expect(await proven({}, { jwk: client.privateJwk })).toMatchObject({ status: 401 })
  })

  test.each(['none', 'HS256'])('of the algorithm %s is refused (5)', async (alg) => {
    const [, payload] = (await client.prove(token)).split('.')
    const jwk = alg === 'none' ? client.jwk : { kty: 'oct', k: base64url.encode('secret') }
    const header = base64url.encode(JSON.stringify({ alg, typ: 'dpop+jwt', jwk }))
    const mac = createHmac('sha256', 'secret').update(`${header}.${payload}`).digest('base64url')
    for (const signature of [mac, ''])
      expect(await guard.check(ask(`${header}.${payload}.${signature}`))).toMatchObject({ status: 401 })
  })

  test.each(['PS256', 'EdDSA', 'RS256'] as const)(
    'of the algorithm %s counts only where the configuration says so (5)',
    async (alg) => {
      const maker = await proofMaker(alg)
      const bound = await issuer.sign({ cnf: { jkt: maker.thumbprint } })
      const with_ = async (options: GuardOptions) =>
        guardOf(held, options).check({ ...ask(await maker.prove(bound)), authorization: `DPoP ${bound}` })
      expect(await with_({ dpop: { algorithms: [alg] } })).toMatchObject({ allowed: true })
      expect(await with_({ dpop: { algorithms: ['ES256'] } })).toMatchObject({ status: 401 })
    },
  )

  test('can be configured with no symmetric algorithm', () => {
    expect(() => guardOf(held, { dpop: { algorithms: JSON.parse('["HS256"]') } })).toThrow(TypeError)
  })

  test('a stranger can be put to no work by: the token comes first', async () => {
    const foreign = await (await makeIssuer()).sign({ cnf: { jkt: client.thumbprint } })
    const answer = await guard.check({ ...ask('not looked at'), authorization: `DPoP ${foreign}` })
    expect(challengeOf(answer)).toMatch(/^DPoP realm="clinic", error="invalid_token"/)
  })
})

describe('the address of the API (RFC 9449 §4.3, 9)', () => {
  const ofBase = async (publicBase: string | readonly string[], htu: string) =>
    proven({ htu }, {}, guardOf(held, { publicBase }))

  test('is that of the configuration, with what a proxy takes off', async () => {
    const base = 'https://shop.example/api/'
    expect(await ofBase(base, 'https://shop.example/api/v1/patients')).toMatchObject({ allowed: true })
    expect(await ofBase(base, 'https://shop.example/v1/patients')).toMatchObject({ status: 401 })
    expect(await ofBase(base, 'https://api.clinic.example/v1/patients')).toMatchObject({ status: 401 })
  })

  test('may be one of several', async () => {
    const bases = ['https://a.example', 'https://b.example']
    for (const base of bases)
      expect(await ofBase(bases, `${base}/v1/patients`)).toMatchObject({ allowed: true })
  })

  test('must be one', () => {
    for (const publicBase of ['api.example', 'ftp://a.example', 'https://a.example?b', []])
      expect(() => guardOf(held, { publicBase })).toThrow(TypeError)
  })

  test('is unknown where the audience is none, and then no proof fits', async () => {
    const { service, ...rest } = clinicBundle(issuer)
    held.bundle = { ...rest, service: { ...service, audience: 'urn:clinic' } }
    token = await issuer.sign({ cnf: { jkt: client.thumbprint }, aud: 'urn:clinic' })
    expect(await proven()).toMatchObject({ status: 401 })
    const based = guardOf(held, { publicBase: 'https://api.clinic.example' })
    expect(await proven({}, {}, based)).toMatchObject({ allowed: true })
    token = await issuer.sign({ cnf: { jkt: client.thumbprint } })
  })
})

describe('a nonce of the guard (RFC 9449 §9)', () => {
  const strict = (): Guard => guardOf(held, { dpop: { nonce: { secret: 's' } } })
  const nonceIn = (answer: Awaited<ReturnType<Guard['check']>>) => answer.headers['dpop-nonce']

  test('is asked for, given, and then taken', async () => {
    const refused = await proven({}, {}, strict())
    expect(refused).toMatchObject({ status: 401, reason: 'invalid_token' })
    expect(challengeOf(refused)).toContain('DPoP realm="clinic", error="use_dpop_nonce"')
    const nonce = nonceIn(refused)
    expect(nonce).toMatch(/^[\w-]{43}$/)
    const answer = await proven({ nonce }, {}, strict())
    expect(answer).toMatchObject({ allowed: true, headers: {} })
  })

  test('stands in for the time in the proof: a client whose clock is wrong gets in', async () => {
    const nonce = nonceIn(await proven({}, {}, strict()))
    expect(await proven({ nonce, iat: 0 }, {}, strict())).toMatchObject({ allowed: true })
  })

  test('is renewed with an answer, and ends after two minutes', async () => {
    const one = strict()
    const nonce = nonceIn(await proven({}, {}, one))
    held.nowMs += 60_000
    const answer = await proven({ nonce }, {}, one)
    expect(answer).toMatchObject({ allowed: true })
    expect(nonceIn(answer)).not.toBe(nonce)
    held.nowMs += 60_000
    expect(challengeOf(await proven({ nonce }, {}, one))).toContain('use_dpop_nonce')
  })

  test('does not make a proof good twice', async () => {
    const one = strict()
    const nonce = nonceIn(await proven({}, {}, one))
    const proof = await client.prove(token, { nonce })
    expect(await one.check(ask(proof))).toMatchObject({ allowed: true })
    held.nowMs += 60_000
    expect(challengeOf(await one.check(ask(proof)))).toContain('used before')
  })

  test('of another secret, or a made-up one, is refused', async () => {
    const nonce = nonceIn(await proven({}, {}, guardOf(held, { dpop: { nonce: true } })))
    for (const one of [nonce, 'x', 7, ''])
      expect(challengeOf(await proven({ nonce: one }, {}, strict()))).toContain('use_dpop_nonce')
  })
})

describe('a client that is not ours (openid-client), over HTTP', () => {
  test.each([
    ['without nonces', {}],
    ['with nonces', { nonce: true as const }],
  ])('calls with a bound token, %s', async (_name, dpop) => {
    const app = new Koa()
    const server = createServer((request, response) => app.callback()(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    // Sound: it listens on an address, not on a pipe.
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    held.nowMs = Date.now()
    app.use(guardOf(held, { publicBase: base, dpop }).koa())
    app.use((ctx) => {
      ctx.body = ctx.state['latchkey'].caller.id
    })
    const config = new Configuration({ issuer: iss }, 'key_1', undefined, None())
    allowInsecureRequests(config)
    const DPoP = getDPoPHandle(config, await randomDPoPKeyPair('ES256'))
    const jkt = await DPoP.calculateThumbprint()
    const bound = await issuer.sign({ cnf: { jkt } }, {}, held.nowMs)
    const call = () =>
      fetchProtectedResource(config, bound, new URL(`${base}/v1/patients?page=1`), 'GET', null, undefined, {
        DPoP,
      })
    for (let i = 0; i < 2; i++) expect(await (await call()).text()).toBe('key_1')
    const stolen = await fetch(`${base}/v1/patients`, { headers: { authorization: `Bearer ${bound}` } })
    expect(stolen.status).toBe(401)
    server.closeAllConnections()
    server.close()
  })
})
