import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { StepUp } from '../../src/evaluator/model.ts'
import type { GuardOptions } from '../../src/sdk/guard.ts'
import { operation } from '../evaluator/clinic-model.ts'
import { clinicBundle, type Issuer, makeIssuer, nowMs } from './clinic-issuer.ts'
import { get, guardOf, type Held, heldBy } from './in-process.ts'

let issuer: Issuer
let held: Held
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(() => {
  held = heldBy(clinicBundle(issuer))
})

const now = nowMs / 1000
const person = {
  sub: 'usr_1',
  client_id: 'key_app',
  ver: { usr_1: 1, org_a: 5, key_app: 3 },
  grant_id: 'gra_1',
  scope: 'patients:read',
}
const ask = async (claims: Record<string, unknown>, options: GuardOptions = {}, path?: string) =>
  guardOf(held, options).check(get(await issuer.sign({ ...person, ...claims }), path))

/** The clinic's document, with a requirement on one operation. */
function withDocument(stepUp: StepUp, id = 'listPatients'): void {
  const { model, ...rest } = clinicBundle(issuer)
  const operations = model.operations.map((one) => (one.id === id ? { ...one, stepUp } : one))
  held.bundle = { ...rest, model: { ...model, operations } }
}

describe('a sign-in that is too old or too weak (RFC 9470 §3)', () => {
  test('is told what would do, both at once', async () => {
    withDocument({ maxAgeSeconds: 300, acrValues: ['mfa', 'phr'] })
    const answer = await ask({ auth_time: now - 301, acr: 'mfa' })
    expect(answer).toMatchObject({
      status: 401,
      reason: 'insufficient_user_authentication',
      operation: { id: 'listPatients' },
      problem: { code: 'insufficient_user_authentication' },
    })
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer realm="clinic", error="insufficient_user_authentication", acr_values="mfa phr", max_age="300"',
    )
  })

  test.each([
    [{ maxAgeSeconds: 300 }, { auth_time: now - 300 }, 200],
    [{ maxAgeSeconds: 300 }, { auth_time: now - 301 }, 401],
    [{ maxAgeSeconds: 300 }, {}, 401],
    [{ maxAgeSeconds: 300 }, { auth_time: String(now) }, 401],
    [{ acrValues: ['mfa', 'phr'] }, { acr: 'phr' }, 200],
    [{ acrValues: ['mfa'] }, { acr: 'pwd' }, 401],
    [{ acrValues: ['mfa'] }, {}, 401],
    [{ acrValues: ['mfa'] }, { acr: ['mfa'] }, 401],
    [{ acrValues: ['mfa'], maxAgeSeconds: 9 }, { acr: 'mfa', auth_time: now }, 200],
    [{ acrValues: ['mfa'], maxAgeSeconds: 9 }, { acr: 'pwd', auth_time: now }, 401],
  ])('%o with %o is answered %i', async (stepUp, claims, status) => {
    withDocument(stepUp)
    expect(await ask(claims)).toMatchObject({ status })
    held.bundle = clinicBundle(issuer)
    expect(await ask(claims)).toMatchObject({ allowed: true })
    expect(await ask(claims, { stepUp: { everywhere: stepUp } })).toMatchObject({ status })
    expect(await ask(claims, { stepUp: { operations: { listPatients: stepUp } } })).toMatchObject({ status })
    expect(await ask(claims, { stepUp: { operations: { getPatient: stepUp } } })).toMatchObject({
      allowed: true,
    })
  })

  test('is asked again at each request: a token that was good grows old', async () => {
    const guard = guardOf(held, { stepUp: { everywhere: { maxAgeSeconds: 60 } } })
    const token = await issuer.sign({ ...person, auth_time: now })
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    held.nowMs += 61_000
    expect(await guard.check(get(token))).toMatchObject({ status: 401 })
  })

  test('must meet all that is asked for, of the document and of the guard', async () => {
    withDocument({ maxAgeSeconds: 300 })
    const options = { stepUp: { operations: { listPatients: { acrValues: ['mfa'] } } } }
    expect(await ask({ auth_time: now, acr: 'mfa' }, options)).toMatchObject({ allowed: true })
    expect(await ask({ auth_time: now }, options)).toMatchObject({ status: 401 })
    expect(await ask({ acr: 'mfa' }, options)).toMatchObject({ status: 401 })
  })

  test('where templates overlap must meet what each of them asks for', async () => {
    withDocument({ acrValues: ['mfa'] }, 'getPatient')
    const { model, ...rest } = held.bundle
    const overlapping = operation('getByName', 'GET /{kind}/7', { alternatives: [['patients:read']] })
    held.bundle = { ...rest, model: { ...model, operations: [overlapping, ...model.operations] } }
    expect(await ask({}, {}, '/v1/patients/7')).toMatchObject({ status: 401 })
    expect(await ask({ acr: 'mfa' }, {}, '/v1/patients/7')).toMatchObject({ allowed: true })
  })

  test('is not told to whom nothing would help: a want of role or scope comes first', async () => {
    withDocument({ maxAgeSeconds: 300 })
    expect(await ask({ roles: ['settings'] })).toMatchObject({ reason: 'operation_not_in_role' })
    expect(await ask({ scope: 'settings' })).toMatchObject({ reason: 'insufficient_scope' })
  })

  test('is not asked of a machine, which does not sign in', async () => {
    withDocument({ maxAgeSeconds: 300 })
    expect(await guardOf(held).check(get(await issuer.sign()))).toMatchObject({ allowed: true })
  })
})

test('a guard that names an operation which is none does not become ready', async () => {
  const guard = guardOf(held, { stepUp: { operations: { listPatient: { maxAgeSeconds: 60 } } } })
  await expect(guard.ready()).rejects.toThrow('stepUp names listPatient, which is no operation of clinic')
  await guardOf(held, { stepUp: { operations: { listPatients: { maxAgeSeconds: 60 } } } }).ready()
})
