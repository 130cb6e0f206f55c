import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { idsFrom } from '../../src/ids.ts'
import { DecisionIds } from '../../src/sdk/decision-ids.ts'
import { type Reply, send, tokenOf } from './client.ts'
import { startDeployment } from './deployment.ts'
import { itemsOf } from './operations.ts'

const quota = 50
const deployment = await startDeployment({ decisionsPerOrganizationPerMinute: quota })
afterAll(() => deployment.stop())
const { address, operator } = deployment
await operator.importClinic()
const guard = await operator.makeGuardKey()
const guardToken = await tokenOf(address, guard)

let nowMs = Date.now() - 3_600_000
const ids = new DecisionIds(
  () => ++nowMs,
  (count) => randomBytes(count),
)

interface Told {
  readonly id: string
  readonly [field: string]: unknown
}

function decision(organizationId: string, more: object = {}): Told {
  const principal = { kind: 'key', id: 'key_a', organization_id: organizationId, client_id: 'key_a' }
  const operation = { operation: 'listPatients', path: '/patients', method: 'GET' }
  return { id: ids.next(), ...operation, reason: 'allowed', role: 'patients:read', principal, ...more }
}

function tell(decisions: readonly object[], more: object = {}): Promise<Reply> {
  return send(address, 'POST', '/clinic/decisions', { token: guardToken, body: { decisions, ...more } })
}

const inOrganization = (id: string, query = '') =>
  operator.do('GET', `/organizations/${id}/decisions${query}`)
const ofService = (query = '') => operator.do('GET', `/services/clinic/decisions${query}`)
const idsOf = ({ text }: Reply) => itemsOf(text).map(({ id }) => id)

describe('what a guard tells of', () => {
  test('is listed newest first with the caller’s organization and with the service, all that was told of it', async () => {
    const ours = await operator.makeOrganization()
    const [first, second] = [
      decision(ours),
      decision(ours, { resource: { patient: '7' }, reason: 'no_role' }),
    ]
    const taken = await tell([second, first])
    expect([taken.status, taken.json]).toEqual([200, { recorded: 2, repeated: 0, over_quota: 0 }])
    const { items } = JSON.parse((await inOrganization(ours)).text)
    expect(items).toEqual([
      {
        ...{ id: second.id, at: expect.stringMatching(/Z$/), service_id: expect.stringMatching(/^svc_/) },
        ...{ outcome: 'denied', reason: 'no_role', count: 1, method: 'GET', operation: 'listPatients' },
        ...{ path: '/patients', resource: { patient: '7' }, principal: first['principal'] },
        role: 'patients:read',
      },
      expect.objectContaining({ id: first.id, outcome: 'allowed', reason: 'allowed', resource: null }),
    ])
    expect(idsOf(await ofService('?limit=2'))).toEqual([second.id, first.id])
  })

  test('is kept once, however often it comes', async () => {
    const ours = await operator.makeOrganization()
    const batch = [decision(ours), decision(ours)]
    await Promise.all([tell(batch), tell(batch)])
    expect((await tell([...batch, decision(ours)])).json).toMatchObject({ recorded: 1, repeated: 2 })
    expect(idsOf(await inOrganization(ours))).toHaveLength(3)
  })

  test('of an organization that may use nothing of the service, or that is none, is its owner’s alone to see', async () => {
    const ours = await operator.makeOrganization()
    await operator.do('PUT', `/services/clinic/entitlements/${ours}`, { roles: [] })
    const told = [decision(ours), decision('org_01jz8x6v0kq3m5n7p9r1s3t5v7'), decision('nobody')]
    expect((await tell(told)).json).toMatchObject({ recorded: 3 })
    expect(idsOf(await inOrganization(ours))).toEqual([])
    expect(idsOf(await inOrganization(operator.organizationId))).toEqual([])
    expect(idsOf(await ofService('?limit=3'))).toEqual(told.map(({ id }) => id).toReversed())
  })

  test('over an organization’s quota is counted and not kept; others are not touched', async () => {
    const [ours, theirs] = [await operator.makeOrganization(), await operator.makeOrganization()]
    const told = Array.from({ length: quota + 7 }, () => decision(ours))
    const last = decision(theirs)
    const { json } = await tell([...told, last])
    expect(json).toEqual({ recorded: quota + 1, repeated: 0, over_quota: 7 })
    const { items } = JSON.parse((await inOrganization(ours, '?outcome=not_recorded')).text)
    expect(items).toMatchObject([{ reason: 'over_quota', count: 7, principal: null, id: told[quota]?.id }])
    expect(idsOf(await inOrganization(ours, '?limit=200'))).toHaveLength(quota + 1)
    expect(idsOf(await inOrganization(theirs))).toEqual([last.id])
  })

  test('may say how many it has lost: that is the service’s owner’s to see', async () => {
    const lost = { id: ids.next(), count: 12 }
    await tell([], { lost })
    await tell([], { lost })
    const { items } = JSON.parse((await ofService('?outcome=not_recorded&reason=guard_queue_full')).text)
    expect(items).toMatchObject([{ id: lost.id, count: 12 }])
  })

  test.each([
    ['a field too many', { body: { a: 1 } }, '/decisions/1/body'],
    ['an id that is none', { id: 'dec_1' }, '/decisions/1/id'],
    ['a time to come', { id: `${idsFrom('dec', Date.now() + 400_000)}${'0'.repeat(16)}` }, '/decisions/1/id'],
    ['a method that is none', { method: 'STEAL' }, '/decisions/1/method'],
    ['a reason that is none', { reason: 'Because!' }, '/decisions/1/reason'],
    ['a caller of another form', { principal: { kind: 'app' } }, '/decisions/1/principal/kind'],
    ['an id too long', { resource: { patient: 'x'.repeat(501) } }, '/decisions/1/resource/patient'],
  ])('is refused as a whole for %s, with its place', async (_, bad, pointer) => {
    const ours = await operator.makeOrganization()
    const { status, json } = await tell([decision(ours), decision(ours, bad)])
    expect(status).toBe(400)
    expect(json['errors']).toContainEqual(expect.objectContaining({ pointer }))
    expect(idsOf(await inOrganization(ours))).toEqual([])
  })

  test('is at most 1,000 decisions at once', async () => {
    const { status, json } = await tell(Array.from({ length: 1_001 }, () => decision('org_a')))
    expect([status, json['errors']]).toEqual([400, [expect.objectContaining({ pointer: '/decisions' })]])
  })
})

describe('the log', async () => {
  const ours = await operator.makeOrganization()
  const admin = await tokenOf(
    address,
    await operator.makeKey(ours, { service: 'latchkey', role: 'organization-viewer' }),
  )
  const byApp = { kind: 'user', id: 'usr_a', organization_id: ours, client_id: 'key_app' }
  const told = Array.from({ length: 24 }, (_, i) =>
    decision(ours, {
      ...(i % 2 === 0 ? { reason: 'no_role' } : {}),
      ...(i % 3 === 0 ? { operation: 'getPatient' } : {}),
      ...(i % 4 === 0 ? { principal: byApp } : {}),
    }),
  )
  const beganMs = nowMs - told.length + 1
  await tell(told)
  const where = (holds: (i: number) => boolean) =>
    told
      .filter((_, i) => holds(i))
      .map(({ id }) => id)
      .toReversed()

  const timeAt = (i: number) => new Date(beganMs + i).toISOString()

  test.each([
    ['outcome=denied', (i: number) => i % 2 === 0],
    ['reason=no_role', (i: number) => i % 2 === 0],
    ['outcome=allowed', (i: number) => i % 2 === 1],
    ['operation=getPatient', (i: number) => i % 3 === 0],
    ['principal=usr_a', (i: number) => i % 4 === 0],
    ['principal=key_app', (i: number) => i % 4 === 0],
    ['operation=getPatient&outcome=denied', (i: number) => i % 6 === 0],
    ['principal=usr_a&operation=getPatient&reason=no_role', (i: number) => i % 12 === 0],
    ['principal=usr_a&outcome=allowed', () => false],
    ['reason=nothing', () => false],
  ])('is narrowed by %s', async (query, holds) => {
    expect(idsOf(await inOrganization(ours, `?${query}`))).toEqual(where(holds))
    expect(idsOf(await ofService(`?${query}&from=${timeAt(0)}&to=${timeAt(24)}`))).toEqual(where(holds))
  })

  test('is narrowed to a stretch of time, and to the one that an answer named', async () => {
    const whole = where(() => true)
    expect(idsOf(await inOrganization(ours, `?from=${timeAt(20)}`))).toEqual(whole.slice(0, 4))
    expect(idsOf(await inOrganization(ours, `?to=${timeAt(4)}`))).toEqual(whole.slice(20))
    expect(idsOf(await inOrganization(ours, `?decision=${whole[5]}`))).toEqual([whole[5]])
    const known = JSON.parse((await inOrganization(ours, '?limit=1')).text).items[0]
    expect(idsOf(await inOrganization(ours, `?service=${known.service_id}&limit=2`))).toEqual(
      whole.slice(0, 2),
    )
    expect(idsOf(await inOrganization(ours, `?service=${known.service_id.replace(/.$/, 'z')}`))).toEqual([])
  })

  test('comes in pages, each decision once', async () => {
    for (const query of [
      'limit=7',
      'limit=3&outcome=denied',
      'limit=1&outcome=denied&operation=getPatient',
    ]) {
      const seen: unknown[] = []
      for (let cursor = ''; ; ) {
        const reply = await inOrganization(ours, `?${query}${cursor}`)
        seen.push(...idsOf(reply))
        const next = reply.json['next_cursor']
        if (next === null) break
        cursor = `&cursor=${String(next)}`
      }
      expect(seen).toEqual(idsOf(await inOrganization(ours, `?${query}&limit=200`.replace(/limit=\d&/, ''))))
    }
  })

  test('is the organization’s own to read; for others there is none, and the service’s is its owner’s', async () => {
    const own = await send(address, 'GET', `/api/v1/organizations/${ours}/decisions`, { token: admin })
    expect(idsOf(own)).toHaveLength(24)
    const theirs = await operator.makeOrganization()
    const other = await send(address, 'GET', `/api/v1/organizations/${theirs}/decisions`, { token: admin })
    expect([other.status, other.json['code']]).toEqual([404, 'organization_not_found'])
    const all = await send(address, 'GET', '/api/v1/services/clinic/decisions', { token: admin })
    expect(all.status).toBe(403)
    const nowhere = await operator.try('GET', '/services/nowhere/decisions')
    expect([nowhere.status, nowhere.json['code']]).toEqual([404, 'service_not_found'])
  })

  test.each([
    ['decision=evt_01jz8x6v0kq3m5n7p9r1s3t5v7', '?decision'],
    ['service=clinic', '?service'],
    ['from=yesterday', '?from'],
    ['outcome=maybe', '?outcome'],
    ['nonsense=1', '?nonsense'],
  ])('refuses ?%s', async (query, pointer) => {
    const { status, json } = await operator.try('GET', `/organizations/${ours}/decisions?${query}`)
    expect([status, json['errors']]).toEqual([400, [expect.objectContaining({ pointer })]])
  })
})
