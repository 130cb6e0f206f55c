import { createHmac } from 'node:crypto'
import { base64url } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import type { GuardOptions } from '../../src/sdk/guard.ts'
import { tokenVerifier } from '../../src/sdk/verify-token.ts'
import { audience, clinicBundle, type Issuer, issuer as iss, makeIssuer, nowMs } from './clinic-issuer.ts'
import { get, guardOf, heldBy } from './in-process.ts'

let issuer: Issuer
let stranger: Issuer
let rsa: Issuer
beforeAll(async () => {
  ;[issuer, stranger, rsa] = await Promise.all([makeIssuer(), makeIssuer(), makeIssuer('sgn_rsa', 'RS256')])
})

const nowSeconds = nowMs / 1000

async function answerTo(token: string, options: GuardOptions = {}) {
  return guardOf(heldBy(clinicBundle(issuer, rsa)), options).check(get(token))
}

describe('an access token (RFC 9068 §4)', () => {
  test('that is right lets its caller in, with what it says of them', async () => {
    expect(await answerTo(await issuer.sign({ scope: 'patients:read' }))).toMatchObject({
      allowed: true,
      reason: 'allowed',
      role: 'patients:read',
      operation: { id: 'listPatients' },
      caller: { kind: 'key', id: 'key_1', organizationId: 'org_a', environment: 'live' },
    })
  })

  test('tells the tags of its principal, which nobody can change afterwards', async () => {
    const answer = await answerTo(await issuer.sign({ tags: { ward: ['north'] } }))
    expect(answer).toMatchObject({ allowed: true, caller: { tags: { ward: ['north'] } } })
    expect(Object.isFrozen(answer.caller?.tags)).toBe(true)
    expect((await answerTo(await issuer.sign({}))).caller).not.toHaveProperty('tags')
  })

  test('of a person is told by its subject, and needs a scope', async () => {
    const person = { sub: 'usr_1', ver: { usr_1: 1, org_a: 5, key_1: 3 }, grant_id: 'gra_1' }
    expect(await answerTo(await issuer.sign(person))).toMatchObject({ reason: 'insufficient_scope' })
    const scoped = await issuer.sign({ ...person, scope: 'patients:read' })
    expect(await answerTo(scoped)).toMatchObject({ allowed: true, caller: { kind: 'user' } })
  })

  const assumed = {
    ...{ act: { sub: 'key_1', org_id: 'org_b' }, assumption: 'asm_1' },
    ver: { key_1: 3, org_a: 5, org_b: 1, asm_1: 1 },
  }
  const refused: readonly (readonly [string, Record<string, unknown>])[] = [
    ['of another issuer', { iss: 'https://auth.example/other' }],
    ['of an issuer that begins alike', { iss: `${iss}/` }],
    ['without an issuer', { iss: undefined }],
    ['for another audience', { aud: 'https://api.other.example' }],
    ['without an audience', { aud: undefined }],
    ['that has expired', { iat: nowSeconds - 900, exp: nowSeconds - 31 }],
    ['without an end', { exp: undefined }],
    ['that is not valid yet', { nbf: nowSeconds + 31 }],
    ['issued in the future', { iat: nowSeconds + 31 }],
    ['without the time of issue', { iat: undefined }],
    ['without a subject', { sub: undefined }],
    ['without a client', { client_id: undefined }],
    ['without an id', { jti: undefined }],
    ['without an organization', { org_id: undefined }],
    ['whose tags are a list', { tags: ['ward'] }],
    ['with a tag that has no list of values', { tags: { ward: 'north' } }],
    ['whose roles are not a list', { roles: 'patients:read' }],
    ['bound to a certificate by cnf', { cnf: { 'x5t#S256': 'x'.repeat(43) } }],
    ['that somebody else has assumed', { ...assumed, act: { sub: 'key_9', org_id: 'org_b' } }],
    ['that was assumed for another in turn', { ...assumed, act: { ...assumed.act, act: { sub: 'key_9' } } }],
    ['that was assumed by nobody of any organization', { ...assumed, act: { sub: 'key_1' } }],
    ['that was assumed by nothing', { ...assumed, assumption: undefined }],
    ['that names what was assumed, and nobody who did', { ...assumed, act: undefined }],
    ['whose actor is no object', { ...assumed, act: 'key_1' }],
    ['that its assumption cannot end', { ...assumed, ver: { key_1: 3, org_a: 5, org_b: 1 } }],
    [
      'that the organization of who assumes cannot end',
      { ...assumed, ver: { key_1: 3, org_a: 5, asm_1: 1 } },
    ],
    ['whose assumed role cannot end it', { ...assumed, roles: ['rol_1'] }],
    ['of a test key', { env: 'test' }],
    ['that does not say whether it is live', { env: undefined }],
    ['whose machine is not its client', { client_id: 'key_2' }],
    ['of neither a machine nor a person', { sub: 'svc_1', client_id: 'svc_1', ver: { svc_1: 1, org_a: 5 } }],
    ['that cannot be revoked by its principal', { ver: { org_a: 5 } }],
    ['that cannot be revoked by its organization', { ver: { key_1: 3 } }],
    ['whose authority is not a number', { ver: { key_1: '3', org_a: 5 } }],
    ['whose scope is not a text', { scope: ['patients:read'] }],
  ]
  test.each(refused)('%s is refused', async (_name, claims) => {
    const answer = await answerTo(await issuer.sign(claims))
    expect(answer).toMatchObject({ allowed: false, status: 401, reason: 'invalid_token' })
    const challenge = answer.allowed ? '' : answer.headers['www-authenticate']
    expect(challenge).toMatch(/^Bearer realm="clinic", error="invalid_token", error_description="[^"]+"$/)
  })

  test('of an assumed role acts in the organization whose role it is, and says for whom', async () => {
    const answer = await answerTo(await issuer.sign(assumed))
    expect(answer).toMatchObject({
      allowed: true,
      caller: {
        kind: 'key',
        id: 'key_1',
        organizationId: 'org_a',
        assumed: { id: 'asm_1', organizationId: 'org_b' },
      },
    })
  })

  test('within the tolerance for clocks is let in', async () => {
    expect(await answerTo(await issuer.sign({ exp: nowSeconds - 29 }))).toMatchObject({ allowed: true })
    const early = await issuer.sign({ nbf: nowSeconds + 29, iat: nowSeconds + 29 })
    expect(await answerTo(early)).toMatchObject({ allowed: true })
  })

  test('for several audiences needs this one among them', async () => {
    const token = await issuer.sign({ aud: ['https://x.example', audience] })
    expect(await answerTo(token)).toMatchObject({ allowed: true })
  })

  test('of a test key is let in where the guard is told so', async () => {
    const token = await issuer.sign({ env: 'test' })
    expect(await answerTo(token, { acceptTestKeys: true })).toMatchObject({ allowed: true })
  })

  test('must match what is pinned', async () => {
    const token = await issuer.sign()
    expect(await answerTo(token, { audience: 'https://pinned.example' })).toMatchObject({ status: 401 })
    expect(await answerTo(token, { issuer: 'https://pinned.example' })).toMatchObject({ status: 401 })
    expect(await answerTo(token, { issuer: iss, audience })).toMatchObject({ allowed: true })
  })
})

describe('a signature', () => {
  test.each([{ typ: 'JWT' }, { typ: 'dpop+jwt' }, {}])(
    'under the type $typ is of another kind of token',
    async (header) => {
      const token = await issuer.sign({}, { typ: '', ...header })
      expect(await answerTo(token)).toMatchObject({ status: 401 })
    },
  )

  test("by a key of the same name that is not the issuer's is refused", async () => {
    expect(await answerTo(await stranger.sign())).toMatchObject({ status: 401, reason: 'invalid_token' })
  })

  test('over other claims is refused', async () => {
    const [header, , signature] = (await issuer.sign()).split('.')
    const [, other] = (await issuer.sign({ org_id: 'org_b', ver: { key_1: 3, org_b: 5 } })).split('.')
    expect(await answerTo(`${header}.${other}.${signature}`)).toMatchObject({ status: 401 })
  })

  test('is refused without a kid, and with an unknown one', async () => {
    expect(await answerTo(await issuer.sign({}, { kid: '' }))).toMatchObject({ status: 401 })
    expect(await answerTo(await issuer.sign({}, { kid: 'sgn_9' }))).toMatchObject({ status: 401 })
  })

  test('by HMAC with the public key as its secret is refused (algorithm confusion)', async () => {
    const [, payload] = (await issuer.sign()).split('.')
    const header = base64url.encode(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: issuer.kid }))
    for (const secret of [JSON.stringify(issuer.publicJwk), String(issuer.publicJwk['x'])]) {
      const mac = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')
      expect(await answerTo(`${header}.${payload}.${mac}`)).toMatchObject({ status: 401 })
    }
  })

  test.each([['none'], ['None'], ['NONE']])('of the algorithm %s is none', async (alg) => {
    const [, payload, signature] = (await issuer.sign()).split('.')
    const header = base64url.encode(JSON.stringify({ alg, typ: 'at+jwt', kid: issuer.kid }))
    expect(await answerTo(`${header}.${payload}.${signature}`)).toMatchObject({ status: 401 })
    expect(await answerTo(`${header}.${payload}.`)).toMatchObject({ status: 401 })
  })

  test('by an algorithm that is not in the configuration is refused, though its key is published', async () => {
    expect(await answerTo(await rsa.sign())).toMatchObject({ status: 401 })
    expect(await answerTo(await rsa.sign(), { algorithms: ['RS256'] })).toMatchObject({ allowed: true })
  })

  test('with a critical header that is not understood is refused (RFC 7515 §4.1.11)', async () => {
    const [header = '', payload, signature] = (await issuer.sign()).split('.')
    const critical = { ...JSON.parse(new TextDecoder().decode(base64url.decode(header))), crit: ['x'], x: 1 }
    const text = base64url.encode(JSON.stringify(critical))
    expect(await answerTo(`${text}.${payload}.${signature}`)).toMatchObject({ status: 401 })
  })

  test('symmetric algorithms cannot be configured', () => {
    const rules = { clockSkewSecondsMax: 0, acceptTestKeys: false }
    // A configuration that was read from JSON has no types.
    const algorithms = JSON.parse('["HS256"]')
    expect(() => tokenVerifier({ ...rules, algorithms }, () => nowMs)).toThrow(TypeError)
    expect(() => tokenVerifier({ ...rules, algorithms: [] }, () => nowMs)).toThrow(TypeError)
  })
})
