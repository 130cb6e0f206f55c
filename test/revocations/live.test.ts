import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { DomainError } from '../../src/errors.ts'
import { followRevocations } from '../../src/revocations/live.ts'
import { revocations } from '../../src/revocations/revocation.ts'
import type { Store } from '../../src/storage/ports.ts'
import { endedIn, newId, raised, startNode } from '../decisions/node.ts'

describe('live revocations', () => {
  let store: Store
  const service = newId('svc')
  const other = newId('svc')
  beforeEach(async () => {
    store = await openSqlite({ path: ':memory:', clock: () => Date.now() })
  })
  afterEach(() => store.close())

  test('are all read at the start, over many pages', async () => {
    for (let i = 0; i < 1_203; i += 3) {
      await store.commit([raised(`key_${i}`, 2), raised(`key_${i + 1}`, 2), raised(`key_${i + 2}`, 2)])
    }
    const node = await startNode(store)
    expect(node.revocations.of(service)).toHaveLength(1_203)
    await node.stop()
  })

  test('of another service are not told; those of an organization are told to every service', async () => {
    const node = await startNode(store)
    await store.commit([raised('key_a', 2, service), raised('key_b', 2, other), raised('org_c', 2)])
    await node.feed.catchUp()
    await vi.waitFor(() => expect(node.revocations.position()).toBe(node.feed.position()))
    expect(endedIn(node.revocations.of(service))).toEqual([
      { kind: 'authority', of: 'key_a', lowest: 2 },
      { kind: 'authority', of: 'org_c', lowest: 2 },
    ])
    await node.stop()
  })

  test('end when their time has come, in memory and in the store, whoever sweeps first', async () => {
    let nowMs = Date.now()
    const [one, two] = [await startNode(store, () => nowMs), await startNode(store, () => nowMs)]
    await store.commit([raised('key_a', 2, service)])
    await Promise.all([one.feed.catchUp(), two.feed.catchUp()])
    await vi.waitFor(() => expect(two.revocations.of(service)).toHaveLength(1))
    nowMs += 25 * 3_600_000
    expect(one.revocations.of(service)).toEqual([])
    await one.revocations.sweep(store.commit)
    await two.revocations.sweep(store.commit)
    expect(await store.records.locate(revocations, 'all', '', { limit: 10 })).toEqual([])
    await Promise.all([one.stop(), two.stop()])
  })

  test('are never skipped: an entry that cannot be read is read again until the store answers', async () => {
    let gone = false
    const node = await startNode(store)
    const records = {
      ...store.records,
      find: (async (...args: Parameters<typeof store.records.find>) => {
        if (gone) throw new DomainError('store_unavailable', 'gone')
        return store.records.find(...args)
      }) as typeof store.records.find,
    }
    const live = await followRevocations({ records, feed: node.feed, clock: () => Date.now() })
    gone = true
    await store.commit([raised('key_a', 2, service)])
    const position = await store.changes.head()
    await node.feed.catchUp()
    expect(live.position()).toBeLessThan(position)
    gone = false
    await vi.waitFor(() => expect(live.position()).toBe(position))
    expect(live.of(service)).toHaveLength(1)
    live.stop()
    await node.stop()
  })
})
