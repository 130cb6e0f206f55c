import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { filterJson } from '../../src/evaluator/response/response-filter.ts'
import { parseId, timeOf } from '../../src/ids.ts'
import { clinicBundle, type Issuer, makeIssuer, nowMs } from './clinic-issuer.ts'
import { get, guardOf, type Held, heldBy, sourceOf } from './in-process.ts'

let issuer: Issuer
let held: Held
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(() => {
  held = heldBy(clinicBundle(issuer))
})
const forget_at = '2030-01-03T00:00:00.000Z'
const bareChallenge = { status: 401, headers: { 'www-authenticate': 'Bearer realm="clinic"' } }

describe('credentials (RFC 6750)', () => {
  test('none at all, or of another scheme, get a challenge that says no more', async () => {
    expect(await guardOf(held).check(get(undefined))).toMatchObject(bareChallenge)
    const basic = get(undefined, undefined, { authorization: 'Basic YTpi' })
    expect(await guardOf(held).check(basic)).toMatchObject(bareChallenge)
  })

  test('in more than one header are refused, whichever is right', async () => {
    const token = await issuer.sign()
    const guard = guardOf(held)
    for (const authorization of [[`Bearer ${token}`, 'Bearer x.y.z'], `Bearer ${token}, Bearer ${token}`])
      expect(await guard.check(get(undefined, undefined, { authorization }))).toMatchObject({
        status: 400,
        reason: 'ambiguous_request',
      })
  })

  test('in the query are not read', async () => {
    const token = await issuer.sign()
    const answer = await guardOf(held).check(get(undefined, `/v1/patients?access_token=${token}`))
    expect(answer).toMatchObject(bareChallenge)
  })

  test.each([['x'], ['a.b'], ['a.b.c.d.e'], ['a.b.ü'], [`${'a'.repeat(9000)}.b.c`]])(
    'that cannot be a token are refused unread',
    async (token) => {
      expect(await guardOf(held).check(get(token))).toMatchObject({ status: 401, reason: 'invalid_token' })
    },
  )

  test('name their scheme without case', async () => {
    const authorization = `bearer ${await issuer.sign()}`
    const answer = await guardOf(held).check(get(undefined, undefined, { authorization }))
    expect(answer).toMatchObject({ allowed: true })
  })

  test('without the scope get told the scopes that would do', async () => {
    const token = await issuer.sign({ scope: 'settings', roles: ['patients:read', 'settings'] })
    const challenge = 'Bearer realm="clinic", error="insufficient_scope", scope="patients:read"'
    expect(await guardOf(held).check(get(token))).toMatchObject({
      status: 403,
      reason: 'insufficient_scope',
      headers: { 'www-authenticate': challenge },
    })
  })
})

describe('an answer', () => {
  test('has its status by its reason', async () => {
    const token = await issuer.sign()
    const guard = guardOf(held)
    const ask = (method: string, url: string) => guard.check(get(token, url, { method }))
    expect(await ask('GET', '/v1//patients')).toMatchObject({ status: 400, reason: 'ambiguous_path' })
    expect(await ask('GET', '/v1/nothing')).toMatchObject({ status: 404, reason: 'unknown_operation' })
    expect(await ask('PUT', '/v1/patients')).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, POST' },
    })
    expect(await ask('POST', '/v1/patients')).toMatchObject({ status: 403, reason: 'operation_not_in_role' })
  })

  test('has an id of its own', async () => {
    const guard = guardOf(held)
    const answers = await Promise.all([guard, guard, guardOf(held)].map((one) => one.check(get(undefined))))
    const ids = answers.map((answer) => answer.decisionId)
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect([parseId('dec', id), timeOf(id)]).toEqual([id, held.nowMs])
    expect(answers[0]).toMatchObject({ headers: { 'x-decision-id': ids[0] } })
  })

  test('has an id that sorts after those of decisions before it', async () => {
    const guard = guardOf(held)
    const ids: string[] = []
    for (let round = 0; round < 40; round++) {
      if (round % 3 === 0) held.nowMs += 1
      ids.push((await guard.check(get(undefined))).decisionId)
    }
    expect(ids).toEqual(ids.toSorted())
    expect(new Set(ids).size).toBe(40)
  })

  test('does not tell a stranger whether a path exists', async () => {
    expect(await guardOf(held).check(get(undefined, '/v1/nothing'))).toMatchObject(bareChallenge)
  })

  test('is public without a look at the token', async () => {
    const answer = await guardOf(held).check(get('x.y.z', '/v1/prices'))
    expect(answer).toMatchObject({ allowed: true, reason: 'public' })
    expect(answer.allowed && answer.holds('listPatients')).toBe(false)
  })

  test('says what else the caller holds', async () => {
    const answer = await guardOf(held).check(get(await issuer.sign()))
    expect(answer.allowed && answer.holds('getPatient')).toBe(true)
    expect(answer.allowed && answer.holds('createPatient')).toBe(false)
    expect(answer.allowed && answer.holds('getPatient', 'org_b')).toBe(false)
  })
})

describe('what is allowed with a filter alone', () => {
  const filter = [{ operations: ['listPatients'], fields: ['name'] }]
  const filtering = (): Held => {
    const bundle = clinicBundle(issuer)
    const roles = bundle.model.roles.map((role) =>
      role.name === 'patients:read' ? { ...role, filter } : role,
    )
    return heldBy({ ...bundle, model: { ...bundle.model, roles } })
  }

  test('is refused to who does not filter responses, at once as well', async () => {
    const guard = guardOf(filtering())
    const token = await issuer.sign()
    const refused = {
      allowed: false,
      status: 403,
      reason: 'filter_required',
      operation: { id: 'listPatients' },
      caller: { id: 'key_1' },
    }
    expect(await guard.check(get(token))).toMatchObject(refused)
    expect(guard.checkNow(get(token)) ?? refused).toMatchObject(refused)
    expect(await guard.check(get(token, '/v1/patients/7'))).toMatchObject({ allowed: true })
  })

  test('is let through with the filter to who says that they do', async () => {
    const answer = await guardOf(filtering()).check(
      get(await issuer.sign(), undefined, { filtersResponse: true }),
    )
    if (!answer.allowed || answer.filter === undefined) return expect.fail('there is no filter')
    expect(filterJson(answer.filter, [{ name: 'Ada', born: 1815 }])).toEqual([{ name: 'Ada' }])
  })
})

describe('a revocation ends a token that was verified before', () => {
  const entries = {
    'the authority of its key': { kind: 'authority', of: 'key_1', lowest: 4 },
    'the authority of its organization': { kind: 'authority', of: 'org_a', lowest: 6 },
    'its id': { kind: 'jti', jti: 'the-one' },
    'its grant': { kind: 'grant', grant_id: 'grant-1' },
    'its role': { kind: 'role', role_id: 'rol_own' },
    'its signing key': { kind: 'signing_key', kid: 'sgn_1' },
  } as const
  test.each(Object.entries(entries))('by %s', async (_name, entry) => {
    const roles = ['patients:read', 'rol_own']
    const token = await issuer.sign({ jti: 'the-one', grant_id: 'grant-1', roles })
    const guard = guardOf(held)
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    held.revocations.push({ ...entry, forget_at })
    expect(await guard.check(get(token))).toMatchObject({ status: 401, reason: 'token_revoked' })
  })

  test('and not one that its number still covers, nor another one', async () => {
    held.revocations.push({ kind: 'authority', of: 'key_1', lowest: 3, forget_at })
    held.revocations.push({ kind: 'authority', of: 'key_2', lowest: 9, forget_at })
    held.revocations.push({ kind: 'jti', jti: 'another', forget_at })
    expect(await guardOf(held).check(get(await issuer.sign()))).toMatchObject({ allowed: true })
  })

  test('whichever of two entries for it comes last', async () => {
    held.revocations.push({ kind: 'authority', of: 'key_1', lowest: 4, forget_at })
    held.revocations.push({ kind: 'authority', of: 'key_1', lowest: 2, forget_at })
    expect(await guardOf(held).check(get(await issuer.sign()))).toMatchObject({ reason: 'token_revoked' })
  })
})

describe('a token verified before ends', () => {
  test('with its time', async () => {
    const token = await issuer.sign()
    const guard = guardOf(held)
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    held.nowMs = nowMs + 931_000
    expect(await guard.check(get(token))).toMatchObject({ status: 401, reason: 'invalid_token' })
  })

  test('when its signing key leaves the set, and when another takes its name', async () => {
    const token = await issuer.sign()
    const guard = guardOf(held)
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    held.bundle = clinicBundle()
    expect(await guard.check(get(token))).toMatchObject({ status: 401 })
    held.bundle = clinicBundle(await makeIssuer())
    expect(await guard.check(get(token))).toMatchObject({ status: 401 })
  })

  test('when the service gets another audience', async () => {
    const token = await issuer.sign()
    const guard = guardOf(held)
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    const { service, ...rest } = clinicBundle(issuer)
    held.bundle = { ...rest, service: { ...service, audience: 'https://moved.example' } }
    expect(await guard.check(get(token))).toMatchObject({ status: 401 })
  })
})

describe('a token bound to addresses', () => {
  test('is refused from elsewhere, and where the address is not known', async () => {
    const token = await issuer.sign({ cidrs: ['192.0.2.0/24', '2001:db8::/32'] })
    const guard = guardOf(held)
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::9'])
      expect(await guard.check(get(token, undefined, { address }))).toMatchObject({ allowed: true })
    for (const address of ['198.51.100.7', undefined, 'nonsense'])
      expect(await guard.check(get(token, undefined, { address }))).toMatchObject({ status: 401 })
  })

  test('believes X-Forwarded-For only as far as proxies are trusted, counted from the right', async () => {
    const token = await issuer.sign({ cidrs: ['192.0.2.7'] })
    const statusBehind = async (trustedProxies: number, forwardedFor: string) => {
      const request = get(token, undefined, { address: '10.0.0.1', forwardedFor })
      return (await guardOf(held, { trustedProxies }).check(request)).status
    }
    expect(await statusBehind(0, '192.0.2.7')).toBe(401)
    expect(await statusBehind(1, '198.51.100.1, 192.0.2.7')).toBe(200)
    expect(await statusBehind(1, '192.0.2.7, 198.51.100.1')).toBe(401)
    expect(await statusBehind(2, '192.0.2.7, 10.0.0.2')).toBe(200)
    expect(await statusBehind(2, '192.0.2.7')).toBe(401)
  })
})

describe('what is known', () => {
  test('of a newer document, which a new signing key came with, is all that is decided by', async () => {
    const other = await makeIssuer('sgn_2')
    const { model } = held.bundle
    const token = await other.sign({ roles: ['patients:read'] })
    for (const { method, path, id } of model.operations) {
      const old = heldBy(clinicBundle(issuer))
      const source = sourceOf(old)
      const refresh = async () => {
        old.bundle = {
          ...clinicBundle(issuer, other),
          model: { ...model, operations: model.operations.toReversed() },
        }
      }
      const url = `/v1${path.replaceAll(/\{[^}]*\}/g, '7')}`
      const { allowed, reason } = await guardOf(old, {}, { ...source, refresh }).check(
        get(token, url, { method }),
      )
      expect([id, allowed]).toEqual([id, reason === 'public' || ['listPatients', 'getPatient'].includes(id)])
    }
  })

  test('too long ago decides nothing, of public operations neither: 503, never 401', async () => {
    const token = await issuer.sign()
    held.isStale = true
    for (const url of ['/v1/patients', '/v1/prices'])
      expect(await guardOf(held).check(get(token, url))).toMatchObject({
        status: 503,
        reason: 'stale_bundle',
        headers: { 'retry-after': '5' },
      })
  })

  test('follows a role and an entitlement at once', async () => {
    const token = await issuer.sign({ roles: ['rol_own'] })
    const guard = guardOf(held)
    expect(await guard.check(get(token))).toMatchObject({ status: 403, reason: 'no_role' })
    held.roles['rol_own'] = { organization_id: 'org_a', allow: [{ operations: ['listPatients'] }] }
    expect(await guard.check(get(token))).toMatchObject({ allowed: true, role: 'rol_own' })
    held.organizations['org_a'] = { state: 'active', entitlement: ['settings'] }
    expect(await guard.check(get(token))).toMatchObject({ status: 403 })
    held.organizations['org_a'] = { state: 'suspended', entitlement: ['patients:read'] }
    expect(await guard.check(get(token))).toMatchObject({ status: 403, reason: 'no_role' })
  })

  test('and cannot be read decides nothing, and says why to the operator alone', async () => {
    const broken = {
      ...held,
      get organizations(): never {
        throw new Error('the store is gone')
      },
    }
    const answer = await guardOf(broken).check(get(await issuer.sign()))
    expect(answer).toMatchObject({
      status: 503,
      reason: 'stale_bundle',
      cause: { message: 'the store is gone' },
    })
    expect(JSON.stringify(answer.allowed ? '' : answer.problem)).not.toContain('store')
  })
})
