import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { bundleOf } from '../../src/decisions/bundle.ts'
import { openStream } from '../../src/decisions/stream.ts'
import type { Store } from '../../src/storage/ports.ts'
import { newId, raised, serviceOf, startNode } from './node.ts'

interface Sent {
  readonly event: string
  readonly id: number
  readonly data: Record<string, unknown>
}

describe('the stream of what changes for a service', () => {
  const service = serviceOf()
  let store: Store
  let node: Awaited<ReturnType<typeof startNode>>
  beforeEach(async () => {
    store = await openSqlite({ path: ':memory:', clock: () => Date.now() })
    node = await startNode(store)
  })
  afterEach(async () => {
    await node.stop()
    await store.close()
  })

  async function listen(after: number | undefined) {
    const sent: Sent[] = []
    const deps = { changes: store.changes, revocations: node.revocations, feedAgeMs: node.feedAgeMs }
    const stop = await openStream(deps, {
      ...{ service, after, isWanted: () => true },
      send: (text) => sent.push(parsed(text)),
    })
    return { sent, stop, changes: () => sent.filter(({ event }) => event === 'change') }
  }

  test('brings a revocation with its commit, and nothing of another service', async () => {
    const { changes, stop } = await listen(undefined)
    await store.commit([raised('key_a', 2, service.id)])
    await store.commit([raised('key_b', 2, newId('svc'))])
    await store.commit([raised('org_c', 7)])
    await vi.waitFor(() => expect(changes()).toHaveLength(2))
    expect(changes().map(({ data }) => data)).toMatchObject([
      { revocations: [{ kind: 'authority', of: 'key_a', lowest: 2 }] },
      { revocations: [{ kind: 'authority', of: 'org_c', lowest: 7 }] },
    ])
    stop()
  })

  test('goes on after the position where a guard left off, each row once and in order', async () => {
    const from = await store.changes.head()
    for (let i = 0; i < 5; i++) await store.commit([raised(`key_${i}`, 2, service.id)])
    await vi.waitFor(() => expect(node.revocations.of(service.id)).toHaveLength(5))
    const listening = listen(from + 2)
    await store.commit([raised('key_5', 2, service.id)])
    const { changes, stop } = await listening
    await vi.waitFor(() => expect(changes()).toHaveLength(4))
    expect(changes().map(({ id }) => id)).toEqual([from + 3, from + 4, from + 5, from + 6])
    stop()
  })

  test('answers a position of the future, as after a store was put back, with reset', async () => {
    const { sent, stop } = await listen(1_000)
    expect(sent[0]).toEqual({ event: 'reset', id: 0, data: {} })
    stop()
  })

  test('beats, with position and age, and stops beating once this node has not read the feed for 5 s', async () => {
    const { sent, stop } = await listen(undefined)
    expect(sent.at(-1)).toMatchObject({ event: 'heartbeat', data: { position: 0 } })
    await vi.waitFor(() => expect(sent.length).toBeGreaterThan(1), 3_000)
    const deaf = await startNode(store)
    const heard: Sent[] = []
    await deaf.stop()
    deaf.pass(5_100)
    const deps = { changes: store.changes, revocations: deaf.revocations, feedAgeMs: deaf.feedAgeMs }
    const stopDeaf = await openStream(deps, {
      ...{ service, after: undefined, isWanted: () => true },
      send: (text) => heard.push(parsed(text)),
    })
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(heard).toEqual([])
    stop()
    stopDeaf()
  })

  test('and the bundle agree: its tag changes with an entry, and is the same on every node', async () => {
    const other = await startNode(store)
    const tag = (of: typeof node) =>
      bundleOf(
        { revocations: of.revocations, clock: () => Date.now(), origin: 'https://id.example' },
        service,
      ).etag
    const before = tag(node)
    expect(tag(other)).toBe(before)
    await store.commit([raised('key_a', 2, service.id), raised('key_b', 2, service.id)])
    await vi.waitFor(() => expect(tag(node)).not.toBe(before))
    await vi.waitFor(() => expect(tag(other)).toBe(tag(node)))
    await other.stop()
  })
})

function parsed(text: string): Sent {
  const line = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''
  return { event: line('event'), id: Number(line('id')), data: JSON.parse(line('data')) }
}
