import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { createActivity } from '../../src/audit/activity.ts'
import { auditRoutes } from '../../src/audit/api.ts'
import { recorder } from '../../src/audit/record.ts'
import { newIdFrom, type OrganizationId } from '../../src/ids.ts'
import type { Store } from '../../src/storage/ports.ts'

const noonMs = Date.parse('2030-01-01T12:00:00Z')
let nowMs = noonMs
const clock = () => nowMs++
const newId = newIdFrom(clock, randomBytes)
let store: Store
const organizationId = newId('org')
const actor = { kind: 'key', id: newId('key'), organizationId, requestId: 'r1' } as const

beforeAll(async () => {
  store = await openSqlite({ path: ':memory:', clock })
  const commit = recorder(store.commit, clock, newId)
  for (const target of ['a', 'b', 'a'])
    await commit({ type: 'role.changed', organizationId, target, by: actor, details: { name: 'x' } }, [])
  await commit(
    { type: 'role.deleted', organizationId, target: 'a', by: { ...actor, address: '192.0.2.1' } },
    [],
  )
})
afterAll(() => store.close())

interface Page {
  readonly items: readonly Record<string, unknown>[]
  readonly next_cursor: string | null
}

/** Calls a route as `src/http` does: with what its own schema has parsed. */
async function call(operationId: string, query: Record<string, string>, of: OrganizationId = organizationId) {
  const found = auditRoutes(store).find((one) => one.operationId === operationId)
  if (found?.query === undefined || found.answer === undefined)
    throw new Error(`no such list: ${operationId}`)
  const principal = { ...actor, address: '127.0.0.1', holds: () => true }
  const input = { principal, organizationId: of, params: {}, body: undefined, ifMatch: undefined }
  const { body } = await found.handle({ ...input, query: found.query.parse(query) })
  // As the answer's own schema has checked.
  return found.answer.parse(body) as Page
}

describe('listAuditEvents', () => {
  test('answers the newest first, in pages', async () => {
    const first = await call('listAuditEvents', { limit: '3' })
    expect(first.items.map(({ type, target }) => `${type} ${target}`)).toEqual([
      'role.deleted a',
      'role.changed a',
      'role.changed b',
    ])
    const rest = await call('listAuditEvents', { limit: '3', cursor: first.next_cursor ?? '' })
    expect(rest).toEqual({ items: [expect.objectContaining({ target: 'a' })], next_cursor: null })
    expect(first.items[0]).toEqual({
      id: expect.stringMatching(/^evt_/),
      type: 'role.deleted',
      at: expect.stringMatching(/^2030-01-01T12:00:00/),
      target: 'a',
      by: {
        kind: 'key',
        id: actor.id,
        organization_id: organizationId,
        request_id: 'r1',
        address: '192.0.2.1',
      },
      details: {},
    })
  })

  test('is narrowed by type or target, and is of one organization', async () => {
    expect((await call('listAuditEvents', { type: 'role.changed' })).items).toHaveLength(3)
    expect((await call('listAuditEvents', { target: 'b' })).items).toHaveLength(1)
    await expect(call('listAuditEvents', { target: 'b', type: 'role.changed' })).rejects.toThrow()
    const otherId = newId('org')
    const commit = recorder(store.commit, clock, newId)
    await commit({ type: 'role.changed', organizationId: otherId, target: 'c', by: actor }, [])
    expect((await call('listAuditEvents', {}, otherId)).items).toHaveLength(1)
  })

  test('answers for an organization that never was as every other route does', async () => {
    const missing = { code: 'organization_not_found' }
    await expect(call('listAuditEvents', {}, newId('org'))).rejects.toMatchObject(missing)
    await expect(call('listActivity', {}, newId('org'))).rejects.toMatchObject(missing)
  })
})

describe('listActivity', () => {
  test('answers refusals with their true reason, in pages; a cursor of another list is refused', async () => {
    const activity = createActivity({
      counters: store.counters,
      clock,
      onFault: (cause) => expect(cause).toBeUndefined(),
    })
    const [one, two] = [newId('key'), newId('key')]
    nowMs = noonMs
    for (const key of [one, two, two]) activity.refused(organizationId, key, 'wrong_secret', '2001:db8::1')
    await activity.close()
    const first = await call('listActivity', { limit: '1' })
    const second = await call('listActivity', { limit: '1', cursor: first.next_cursor ?? '' })
    expect([...first.items, ...second.items].map(({ key_id: key, count }) => ({ key, count }))).toEqual([
      { key: one, count: 1 },
      { key: two, count: 2 },
    ])
    expect(second.next_cursor).toBeNull()
    expect((await call('listActivity', { key: two })).items).toEqual([
      {
        key_id: two,
        assumption_id: null,
        reason: 'wrong_secret',
        address: '2001:db8::1',
        minute: '2030-01-01T12:00:00.000Z',
        count: 2,
      },
    ])
    for (const cursor of ['x', 'W10', btoa('[1]'), btoa('[-1,"a"]')])
      await expect(call('listActivity', { cursor })).rejects.toMatchObject({ code: 'invalid_request' })
    for (const query of [{ key: 'org_x' }, { assumption: 'key_x' }, { key: two, assumption: newId('asm') }])
      await expect(call('listActivity', query)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('tells who was refused an own role that others may assume', async () => {
    const onFault = (cause: unknown) => expect(cause).toBeUndefined()
    const activity = createActivity({ counters: store.counters, clock, onFault })
    const [key, assumption] = [newId('key'), newId('asm')]
    const ours = newId('org')
    activity.refused(ours, key, 'wrong_secret', '192.0.2.1')
    activity.refused(ours, assumption, 'principal_not_named', '192.0.2.1')
    await activity.close()
    const all = await call('listActivity', {}, ours)
    expect(all.items).toHaveLength(2)
    expect((await call('listActivity', { assumption }, ours)).items).toEqual([
      expect.objectContaining({ key_id: null, assumption_id: assumption, reason: 'principal_not_named' }),
    ])
  })
})
