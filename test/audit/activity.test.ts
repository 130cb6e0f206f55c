import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { createActivity, listRefusals } from '../../src/audit/activity.ts'
import { usedMark } from '../../src/audit/issued-tokens.ts'
import { newIdFrom } from '../../src/ids.ts'
import type { CounterAddition, Counters, LatestMark, Store } from '../../src/storage/ports.ts'

const noonMs = Date.parse('2030-01-01T12:00:00Z')
let nowMs = noonMs
const clock = () => nowMs
const newId = newIdFrom(clock, randomBytes)
let store: Store
beforeAll(async () => {
  store = await openSqlite({ path: ':memory:', clock })
})
afterAll(() => store.close())

function activityWith(
  options: { readonly counters?: Counters; readonly entriesMax?: number; readonly flushMs?: number } = {},
) {
  const faults: unknown[] = []
  const onFault = (cause: unknown) => faults.push(cause)
  return {
    faults,
    activity: createActivity({ counters: store.counters, clock, onFault, flushMs: 60_000, ...options }),
  }
}

describe('activity', () => {
  test('refusals are folded by key, reason, address and minute, newest first, and read by their organization alone', async () => {
    const { activity } = activityWith()
    const [organization, other] = [newId('org'), newId('org')]
    const [one, two] = [newId('key'), newId('key')]
    nowMs = noonMs
    for (let i = 0; i < 3; i++) activity.refused(organization, one, 'wrong_secret', '2001:db8::1')
    activity.refused(organization, one, 'expired', '192.0.2.1')
    nowMs = noonMs + 61_000
    activity.refused(organization, one, 'wrong_secret', '2001:db8::1')
    activity.refused(organization, two, 'disabled', '192.0.2.1')
    await activity.close()
    const page = { limit: 10 }
    const seen = await listRefusals(store.counters, organization, one, page)
    expect(seen.map(({ counter: _counter, ...rest }) => rest)).toEqual([
      {
        kind: 'key',
        id: one,
        reason: 'wrong_secret',
        address: '2001:db8::1',
        minuteAt: noonMs + 60_000,
        count: 1,
      },
      { kind: 'key', id: one, reason: 'expired', address: '192.0.2.1', minuteAt: noonMs, count: 1 },
      { kind: 'key', id: one, reason: 'wrong_secret', address: '2001:db8::1', minuteAt: noonMs, count: 3 },
    ])
    expect(await listRefusals(store.counters, organization, undefined, page)).toHaveLength(4)
    expect(await listRefusals(store.counters, other, undefined, page)).toEqual([])
  })

  test('the last use of a key only goes forward', async () => {
    const { activity } = activityWith()
    const [organization, key] = [newId('org'), newId('key')]
    for (const at of [noonMs + 5_000, noonMs + 1_000]) {
      nowMs = at
      activity.issued(organization, key)
      await activity.flush()
    }
    await activity.close()
    const marks = await store.counters.latest(organization, [usedMark(key)])
    expect(marks.get(usedMark(key))).toBe(noonMs + 5_000)
  })

  test('what does not fit is dropped and counted', async () => {
    const { activity } = activityWith({ entriesMax: 3 })
    const [organization, key] = [newId('org'), newId('key')]
    for (let i = 0; i < 5; i++) activity.refused(organization, key, 'wrong_secret', `192.0.2.${i}`)
    activity.refused(organization, key, 'wrong_secret', '192.0.2.0')
    expect(activity.dropped()).toBe(2)
    await activity.close()
    expect(activity.dropped()).toBe(2)
    const kept = await listRefusals(store.counters, organization, key, { limit: 10 })
    expect(kept.map(({ count }) => count).sort()).toEqual([1, 1, 2])
  })

  test('a store that refuses a batch is told of once, and stops nothing', async () => {
    const broken: Counters = { ...store.counters, record: () => Promise.reject(new Error('gone')) }
    const { activity, faults } = activityWith({ counters: broken })
    activity.issued(newId('org'), newId('key'))
    await activity.flush()
    expect([faults.length, activity.dropped()]).toEqual([1, 1])
    await activity.close()
    expect(faults).toHaveLength(1)
  })

  test('a refusal and the first use of a key are written within a second; its further tokens together, once a minute', async () => {
    await withTimers(async () => {
      const written: { additions: readonly CounterAddition[]; marks: readonly LatestMark[] }[] = []
      const counters: Counters = {
        ...store.counters,
        record: async (additions, marks) => void written.push({ additions, marks }),
      }
      const { activity } = activityWith({ counters, flushMs: 1_000 })
      const [organization, key] = [newId('org'), newId('key')]
      activity.refused(organization, newId('key'), 'expired', '192.0.2.1')
      for (let second = 0; second < 59; second++) {
        activity.issued(organization, key)
        await pass(1_000)
      }
      expect(written).toMatchObject([{ additions: [{ count: 1 }], marks: [{ at: noonMs }] }])
      await pass(1_000)
      expect(written.slice(1)).toMatchObject([
        { additions: [{ count: 59 }], marks: [{ at: noonMs + 58_000 }] },
      ])
      activity.issued(organization, key)
      await pass(59_000)
      expect(written).toHaveLength(2)
      await pass(1_000)
      expect(written.slice(2)).toMatchObject([
        { additions: [{ count: 1 }], marks: [{ at: noonMs + 60_000 }] },
      ])
      await activity.close()
      expect(written).toHaveLength(3)
    })
  })

  test('tokens count for the hour in which they were issued', async () => {
    const { activity } = activityWith()
    const [organization, key] = [newId('org'), newId('key')]
    for (const at of [noonMs, noonMs + 3_599_999, noonMs + 3_600_000]) {
      nowMs = at
      activity.issued(organization, key)
    }
    await activity.close()
    const counted = await store.counters.list(organization, `key:${key}:issued`, { limit: 10 })
    expect(counted.map(({ windowAt, count }) => [windowAt, count])).toEqual([
      [noonMs + 3_600_000, 1],
      [noonMs, 2],
    ])
  })

  test('a batch is written in parts, so that a store that writes in this process does not hold up its requests', async () => {
    const sizes: number[] = []
    const counters: Counters = {
      ...store.counters,
      record: async (additions, marks) => void sizes.push(additions.length + marks.length),
    }
    const { activity } = activityWith({ counters })
    const organization = newId('org')
    for (let i = 0; i < 700; i++) activity.issued(organization, newId('key'))
    await activity.close()
    expect(sizes).toEqual([500, 500, 400])
  })

  test('tokens of more keys than are held are dropped and counted', async () => {
    const { activity } = activityWith({ entriesMax: 2 })
    const organization = newId('org')
    for (let i = 0; i < 5; i++) activity.issued(organization, newId('key'))
    expect(activity.dropped()).toBe(3)
    await activity.close()
    activity.issued(organization, newId('key'))
    expect(activity.dropped()).toBe(3)
  })

  test('a clock that is set back holds nothing up', async () => {
    await withTimers(async () => {
      const sizes: number[] = []
      const counters: Counters = {
        ...store.counters,
        record: async (additions) => void sizes.push(additions.length),
      }
      const { activity } = activityWith({ counters, flushMs: 1_000 })
      activity.issued(newId('org'), newId('key'))
      nowMs -= 86_400_000
      await pass(1_000)
      expect(sizes).toEqual([1])
      await activity.close()
    })
  })
})

async function withTimers(work: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  nowMs = noonMs
  try {
    await work()
  } finally {
    vi.useRealTimers()
  }
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    nowMs += 1_000
    await vi.advanceTimersByTimeAsync(1_000)
  }
}
