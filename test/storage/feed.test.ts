import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { insert } from '../../src/storage/ports.ts'
import { type Faults, note, notes, openForgetful, startNode } from './node.ts'

type Node = Awaited<ReturnType<typeof startNode>>

let store: Awaited<ReturnType<typeof openForgetful>>
let started: Node[]

beforeEach(async () => {
  store = await openForgetful()
  started = []
})
afterEach(async () => {
  await Promise.all(started.map(({ feed }) => feed.stop()))
  await store.close()
})

async function start(faults: Partial<Faults> = {}) {
  const node = await startNode(store, faults)
  started.push(node)
  const seen: string[] = []
  node.feed.onRow(({ items }) => seen.push(...items.map(({ id }) => id)))
  return { ...node, seen }
}

const write = (id: string) => store.commit([insert(notes, note(id))])
const names = (count: number) => Array.from({ length: count }, (_, i) => `note-${i}`)

describe('the feed', () => {
  test('tells every commit after its start once, in order, to each listener', async () => {
    await write('before')
    const { feed, seen } = await start()
    const alsoSeen: number[] = []
    feed.onRow(({ position }) => alsoSeen.push(position))
    await Promise.all(names(1_200).map(write))
    await feed.catchUp()
    expect(seen.toSorted()).toEqual(names(1_200).toSorted())
    expect(alsoSeen).toEqual(alsoSeen.toSorted((a, b) => a - b))
    expect(feed.position()).toBe(await store.changes.head())
  })

  test('begins at the head', async () => {
    await write('before')
    const { feed, seen } = await start()
    expect(feed.position()).toBe(await store.changes.head())
    await feed.catchUp()
    expect(seen).toEqual([])
  })

  test.each([{ bellless: false }, { bellless: true }])('is told within 1 s (%o)', async (faults) => {
    const { seen } = await start(faults)
    await write('a')
    await expect.poll(() => seen, { timeout: 1_000 }).toEqual(['a'])
  })

  test('has caught up with every commit that had returned before it was asked', async () => {
    const { feed, seen } = await start({ bellless: true })
    const earlier = feed.catchUp()
    await write('a')
    await Promise.all([feed.catchUp(), feed.catchUp(), earlier])
    expect(seen).toEqual(['a'])
  })

  test('grows older while the store fails, goes on trying, and loses nothing', async () => {
    const { feed, seen, faults, pass } = await start({ bellless: true })
    faults.changesGone = true
    await expect(feed.catchUp()).rejects.toMatchObject({ code: 'store_unavailable' })
    await write('a')
    await write('b')
    pass(7_000)
    expect(feed.ageMs()).toBe(7_000)
    faults.changesGone = false
    await expect.poll(() => seen, { timeout: 2_000 }).toEqual(['a', 'b'])
    expect(feed.ageMs()).toBe(0)
  })

  test('is as old as the beginning of its last completed read', async () => {
    const { feed, pass } = await start({ bellless: true })
    const reading = feed.catchUp()
    pass(300)
    await reading
    expect(feed.ageMs()).toBe(300)
  })

  test('resets and goes on from the head when rows were forgotten before it read them', async () => {
    const { feed, seen } = await start({ bellless: true })
    let resets = 0
    feed.onReset(() => resets++)
    await write('a')
    await write('b')
    await store.forget()
    await feed.catchUp()
    expect({ resets, seen, position: feed.position() }).toEqual({
      resets: 1,
      seen: [],
      position: await store.changes.head(),
    })
    await write('c')
    await feed.catchUp()
    expect(seen).toEqual(['c'])
  })

  test('gives a row again to a listener that threw', async () => {
    const { feed, seen } = await start({ bellless: true })
    let failing = true
    feed.onRow(() => {
      if (failing) throw new Error('not yet')
    })
    await write('a')
    await expect(feed.catchUp()).rejects.toThrow('not yet')
    failing = false
    await feed.catchUp()
    expect(seen).toEqual(['a', 'a'])
    expect(feed.position()).toBe(await store.changes.head())
  })

  test('is told nothing after it was stopped', async () => {
    const { feed, seen } = await start()
    await feed.stop()
    await write('a')
    await sleep(600)
    expect(seen).toEqual([])
    await expect(feed.catchUp()).rejects.toThrow('stopped')
  })

  test('tells a listener that left no more', async () => {
    const { feed } = await start()
    const left: number[] = []
    const leave = feed.onRow(({ position }) => left.push(position))
    leave()
    await write('a')
    await feed.catchUp()
    expect(left).toEqual([])
  })
})
