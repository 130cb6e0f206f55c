import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { WireDecision } from '../../src/sdk/decision-batch.ts'
import type { DecisionLogSetting } from '../../src/sdk/decision-log-rules.ts'
import type { Guard } from '../../src/sdk/guard.ts'
import { createGuard } from '../../src/sdk/index.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'
import { get } from './in-process.ts'
import { guardKey, LatchkeyServer, until } from './latchkey-server.ts'

let issuer: Issuer
let server: LatchkeyServer
let open: { close(): unknown }[] = []
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(async () => {
  server = await new LatchkeyServer(clinicBundle(issuer)).listen()
  open = [server]
})
afterEach(async () => {
  for (const one of open.reverse()) await one.close()
})

const soon = { batchMsMax: 10, closeMsMax: 500 }

async function guarding(decisionLog: DecisionLogSetting): Promise<Guard> {
  const guard = createGuard({ latchkey: server.origin, service: 'clinic', key: guardKey, decisionLog })
  open.push(guard)
  await guard.ready()
  return guard
}

const tokenNow = (claims: Record<string, unknown> = {}) => issuer.sign(claims, {}, Date.now())
const told = (): readonly WireDecision[] => server.batches.flatMap(({ decisions }) => decisions)
const arrived = (count: number) => until(`${count} have arrived`, () => told().length >= count)

/** So many allowed decisions, by the way of the middleware. */
async function ask(guard: Guard, count: number, url = '/v1/patients/7'): Promise<void> {
  const token = await tokenNow()
  for (let i = 0; i < count; i++)
    expect(guard.checkNow(get(token, url)) ?? (await guard.check(get(token, url)))).toMatchObject({
      allowed: true,
    })
}

describe('the decision log of a guard', () => {
  test('tells of who asked for what, and how it was decided', async () => {
    const guard = await guarding({ ...soon })
    const allowed = await guard.check(get(await tokenNow(), '/v1/patients/7'))
    const user = { sub: 'usr_1', client_id: 'app_1', ver: { usr_1: 1, org_a: 5 }, grant_id: 'gra_1' }
    const token = await tokenNow({ ...user, scope: 'patients:read' })
    const denied = await guard.check(get(token, '/v1/patients', { method: 'POST' }))
    const nobody = await guard.check(get('a.b.c'))
    const open = await guard.check(get(undefined, '/v1/prices'))
    const nowhere = await guard.check(get(await tokenNow(), '/v1/nowhere/secret'))
    await arrived(5)
    const principal = { kind: 'key', id: 'key_1', organization_id: 'org_a', client_id: 'key_1' }
    expect(told()).toEqual([
      {
        ...{ id: allowed.decisionId, method: 'GET', reason: 'allowed', operation: 'getPatient' },
        ...{ path: '/patients/{patient}', resource: { patient: '7' }, principal, role: 'patients:read' },
      },
      {
        ...{ id: denied.decisionId, method: 'POST', reason: denied.reason, operation: 'createPatient' },
        ...{ path: '/patients' },
        principal: { kind: 'user', id: 'usr_1', organization_id: 'org_a', client_id: 'app_1' },
      },
      {
        ...{ id: nobody.decisionId, method: 'GET', reason: 'invalid_token' },
        ...{ operation: 'listPatients', path: '/patients' },
      },
      expect.objectContaining({ id: open.decisionId, reason: 'public' }),
      { id: nowhere.decisionId, method: 'GET', reason: 'unknown_operation', principal },
    ])
    await until('it is known', () => guard.state().decisionLog?.delivered === 5)
    expect(guard.state().decisionLog).toEqual({ queued: 0, delivered: 5, dropped: 0 })
  })

  test('has no token, query value or method of a client’s own in it, wherever a client puts them', async () => {
    const guard = await guarding({ ...soon })
    const token = await tokenNow()
    const secret = 'lk_live_01jz0000000000000000000000_canary0canary0canary0canary0canary0canary0ca'
    const inPath = [token, secret].map((value) => `/v1/organizations/${value}/settings`)
    for (const url of [...inPath, '/v1/patients/7?key=canary-query'])
      await guard.check(get(token, url, { dpop: 'canary-proof', method: 'GET' }))
    await guard.check(get(token, '/v1/patients/canary-astray/x'))
    await guard.check(get('canary-token', '/v1/patients', { method: 'CANARY-METHOD' }))
    await arrived(5)
    const text = JSON.stringify(server.batches)
    expect(text).not.toMatch(/canary/i)
    expect(text).not.toContain(token.slice(-40))
    expect(text).not.toContain(token.split('.')[1])
    expect(
      told()
        .map(({ resource }) => resource?.['organization'])
        .slice(0, 2),
    ).toEqual(['[token]', 'lk_live_01jz0000000000000000000000_[secret]'])
  })

  test('leaves ids out, or tells what stands for each: the same for the same', async () => {
    const none = await guarding({ ...soon, resourceIds: 'omit' })
    await ask(none, 1)
    await arrived(1)
    expect(told()[0]).not.toHaveProperty('resource')
    const hashed = await guarding({ ...soon, resourceIds: { hashedWith: 'a secret of the clinic' } })
    for (const id of ['7', '8', '7']) await ask(hashed, 1, `/v1/patients/${id}`)
    await arrived(4)
    const [first, second, third] = told()
      .slice(1)
      .map(({ resource }) => resource?.['patient'])
    expect(first).toMatch(/^hmac:[\w-]{22}$/)
    expect([first === third, first === second]).toEqual([true, false])
  })

  test('tells of every refusal, and of an even share of what is allowed', async () => {
    const quarter = await guarding({ ...soon, allowedShare: 0.25 })
    await ask(quarter, 400)
    for (let i = 0; i < 3; i++) await quarter.check(get(undefined))
    await quarter.close()
    expect(told().filter(({ reason }) => reason === 'allowed')).toHaveLength(100)
    expect(told().filter(({ reason }) => reason === 'invalid_token')).toHaveLength(3)
    const denials = await guarding('denials')
    await ask(denials, 50)
    await denials.check(get(undefined))
    await denials.close()
    expect(told()).toHaveLength(104)
  })

  test('goes in batches of at most so many, one after the other', async () => {
    const guard = await guarding({ ...soon, batchMax: 20 })
    await ask(guard, 90)
    await guard.close()
    expect(server.batches.every(({ decisions }) => decisions.length <= 20)).toBe(true)
    expect(told()).toHaveLength(90)
    expect(new Set(told().map(({ id }) => id)).size).toBe(90)
  })

  test('drops what has no room while the server is down, counts it, and delivers the rest later', async () => {
    const guard = await guarding({ ...soon, queueMax: 10 })
    server.takesDecisions = () => 503
    await ask(guard, 15)
    await until('it was tried', () => server.batches.length > 0)
    expect(guard.state().decisionLog).toEqual({ queued: 10, delivered: 0, dropped: 5 })
    server.batches.length = 0
    server.takesDecisions = () => 200
    await until('all is delivered', () => guard.state().decisionLog?.delivered === 10)
    await ask(guard, 1)
    await until('the last is delivered', () => guard.state().decisionLog?.delivered === 11)
    expect(told()).toHaveLength(11)
    const lost = server.batches.map((batch) => batch.lost?.count ?? 0)
    expect(lost.reduce((sum, count) => sum + count, 0)).toBe(5)
  })

  test('sends a batch again as it was when its answer did not arrive', async () => {
    const guard = await guarding({ ...soon })
    let answers = 0
    server.takesDecisions = () => (answers++ === 0 ? 'lost' : 200)
    await ask(guard, 3)
    await until('it is delivered', () => guard.state().decisionLog?.delivered === 3)
    const [first, second] = server.batches
    expect(server.batches).toHaveLength(2)
    expect(second).toEqual(first)
  })

  test('counts a batch that the server will never have as dropped, and goes on', async () => {
    const guard = await guarding({ ...soon })
    server.takesDecisions = () => 400
    await ask(guard, 2)
    await until('it is refused', () => guard.state().decisionLog?.dropped === 2)
    expect(guard.state().trouble).toMatch(/refused/)
    server.takesDecisions = () => 200
    await ask(guard, 1)
    await until('the next is delivered', () => guard.state().decisionLog?.delivered === 1)
    expect(server.batches.at(-1)?.lost?.count).toBe(2)
  })

  test('with `wait` slows requests to the pace of the server, and loses nothing', async () => {
    const guard = await guarding({ ...soon, queueMax: 4, batchMax: 2, whenFull: 'wait' })
    server.takesDecisions = () => new Promise((resolve) => setTimeout(resolve, 30, 200))
    const token = await tokenNow()
    const asking = Array.from({ length: 20 }, () => guard.check(get(token)))
    await until('it is full', () => guard.state().decisionLog?.queued === 4)
    expect(guard.checkNow(get(token))).toBeUndefined()
    const answers = await Promise.all(asking)
    expect(answers.every(({ allowed }) => allowed)).toBe(true)
    await guard.close()
    expect(
      told()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(answers.map(({ decisionId }) => decisionId).toSorted())
    expect(guard.state().decisionLog).toEqual({ queued: 0, delivered: 20, dropped: 0 })
  })

  test('with `wait` decides after it has waited: nothing is allowed by what has ended meanwhile', async () => {
    const guard = await guarding({ ...soon, queueMax: 1, whenFull: 'wait' })
    await until('the stream is open', () => server.streams > 0)
    const token = await tokenNow({ jti: 'ends' })
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    server.takesDecisions = () => 503
    const waiting = guard.check(get(token))
    const forget_at = new Date(Date.now() + 90_000_000).toISOString()
    server.change({ revocations: [{ kind: 'jti', jti: 'ends', forget_at }] })
    await until('it has heard of it', () => guard.state().position === server.position)
    server.takesDecisions = () => 200
    expect(await waiting).toMatchObject({ reason: 'token_revoked' })
  })

  test('is with the server when the guard has closed, the decisions that waited for room included', async () => {
    const guard = await guarding({ ...soon, batchMsMax: 60_000, queueMax: 5, whenFull: 'wait' })
    const token = await tokenNow()
    const asking = Array.from({ length: 9 }, () => guard.check(get(token)))
    await until('it is full', () => guard.state().decisionLog?.queued === 5)
    expect(told()).toHaveLength(0)
    await guard.close()
    await Promise.all(asking)
    expect(told().length).toBeGreaterThanOrEqual(5)
    expect(told().length + (guard.state().decisionLog?.dropped ?? 0)).toBe(9)
  })

  test('is given up after a while when the guard closes and no server is there', async () => {
    const guard = await guarding({ ...soon, closeMsMax: 100 })
    await ask(guard, 6)
    await server.close()
    const begun = performance.now()
    await guard.close()
    expect(performance.now() - begun).toBeLessThan(2_000)
    expect(guard.state().decisionLog).toMatchObject({ queued: 0, dropped: 6 })
  })

  test('is off unless it is asked for', async () => {
    const guard = createGuard({ latchkey: server.origin, service: 'clinic', key: guardKey })
    open.push(guard)
    await guard.ready()
    await ask(guard, 3)
    expect(guard.state()).not.toHaveProperty('decisionLog')
  })

  test.each([
    { allowedShare: 1.5 },
    { allowedShare: Number.NaN },
    { queueMax: 0 },
    { batchMax: 1_001 },
    { batchMsMax: 0.5 },
    { closeMsMax: -1 },
    { resourceIds: { hashedWith: 'short' } },
  ])('refuses %o', (options) => {
    const create = () =>
      createGuard({ latchkey: server.origin, service: 'clinic', key: guardKey, decisionLog: options })
    expect(create).toThrow(TypeError)
  })
})
