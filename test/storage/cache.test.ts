import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { insert, type Page, remove, update } from '../../src/storage/ports.ts'
import { clinic, type Faults, type Note, note, notes, openForgetful, startNode } from './node.ts'

const page: Page = { limit: 10 }
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

async function start(faults: Partial<Faults> = {}): Promise<Node> {
  const node = await startNode(store, faults)
  started.push(node)
  return node
}

async function stored(document: Note): Promise<Note> {
  await store.commit([insert(notes, document)])
  return document
}

function held(faults: Faults): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  faults.answersHeldUntil = promise
  return () => {
    faults.answersHeldUntil = undefined
    resolve()
  }
}

const find = (node: Node, id: string) => node.records.find(clinic, notes, id)
const locate = (node: Node, id: string) => node.records.locate(notes, 'slug', `slug-of-${id}`, page)

describe('a document in the cache', () => {
  test('is the same frozen object until it changes, and read once', async () => {
    const before = await stored(note('a'))
    const node = await start()
    const first = await find(node, 'a')
    expect(first).toEqual(before)
    expect(Object.isFrozen(first)).toBe(true)
    expect(await find(node, 'a')).toBe(first)
    expect(node.faults.reads).toBe(1)
    await node.commit([update(notes, before, { ...before, text: 'second' })])
    expect(await find(node, 'a')).toMatchObject({ text: 'second', version: 2 })
  })

  test('is loaded once for all who ask at the same time', async () => {
    await stored(note('a'))
    const node = await start()
    const release = held(node.faults)
    const asked = Array.from({ length: 20 }, () => find(node, 'a'))
    release()
    expect(new Set(await Promise.all(asked)).size).toBe(1)
    expect(node.faults.reads).toBe(1)
  })

  test('of one organization never answers for another', async () => {
    await stored(note('a'))
    const node = await start()
    await find(node, 'a')
    const other = 'org_00000000000000000000000002' as typeof clinic
    expect(await node.records.find(other, notes, 'a')).toBeUndefined()
  })

  test('whose load failed is asked for again', async () => {
    await stored(note('a'))
    const node = await start({ recordsGone: true })
    await expect(find(node, 'a')).rejects.toMatchObject({ code: 'store_unavailable' })
    node.faults.recordsGone = false
    expect(await find(node, 'a')).toBeDefined()
  })
})

describe('a document that changes while its load is under way', () => {
  test('on another node, is not kept once the feed has named it', async () => {
    const before = await stored(note('a'))
    const [node, other] = [await start(), await start()]
    const release = held(node.faults)
    const asked = find(node, 'a')
    await sleep(5)
    await other.commit([update(notes, before, { ...before, text: 'second' })])
    await node.feed.catchUp()
    release()
    expect(await asked).toMatchObject({ text: 'first' })
    expect(await find(node, 'a')).toMatchObject({ text: 'second' })
  })

  test('on another node, is dropped by the feed when it is named after the load', async () => {
    const before = await stored(note('a'))
    const [node, other] = [await start({ bellless: true }), await start()]
    const release = held(node.faults)
    const asked = find(node, 'a')
    await sleep(5)
    await other.commit([update(notes, before, { ...before, text: 'second' })])
    release()
    await asked
    await node.feed.catchUp()
    expect(await find(node, 'a')).toMatchObject({ text: 'second' })
  })

  test('by the own commit, is neither kept nor given to who asks after the commit', async () => {
    const before = await stored(note('a'))
    const node = await start({ bellless: true })
    const release = held(node.faults)
    const asked = find(node, 'a')
    await sleep(5)
    await node.commit([update(notes, before, { ...before, text: 'second' })])
    const askedAfter = find(node, 'a')
    release()
    expect(await asked).toMatchObject({ text: 'first' })
    expect(await askedAfter).toMatchObject({ text: 'second' })
    expect(await find(node, 'a')).toMatchObject({ text: 'second' })
  })

  test('is not kept as absent when it was inserted meanwhile, nor is its key', async () => {
    const [node, other] = [await start(), await start()]
    const release = held(node.faults)
    const asked = Promise.all([find(node, 'a'), locate(node, 'a')])
    await sleep(5)
    await other.commit([insert(notes, note('a'))])
    await node.feed.catchUp()
    release()
    expect(await asked).toEqual([undefined, []])
    expect(await find(node, 'a')).toBeDefined()
    expect(await locate(node, 'a')).toEqual([{ organizationId: clinic, id: 'a' }])
  })

  test('is not kept when rows of the feed were lost meanwhile', async () => {
    const before = await stored(note('a'))
    const [node, other] = [await start({ bellless: true }), await start()]
    const release = held(node.faults)
    const asked = find(node, 'a')
    await sleep(5)
    await other.commit([update(notes, before, { ...before, text: 'second' })])
    await other.commit([insert(notes, note('b'))])
    await store.forget()
    await node.feed.catchUp()
    release()
    await asked
    expect(await find(node, 'a')).toMatchObject({ text: 'second' })
  })
})

describe('the own commit', () => {
  test('drops what it changed before it returns, without the feed', async () => {
    const before = await stored(note('a'))
    const node = await start({ bellless: true, changesGone: true })
    await Promise.all([find(node, 'a'), locate(node, 'a'), locate(node, 'moved')])
    await node.commit([update(notes, before, { ...before, slug: 'slug-of-moved' })])
    expect(await find(node, 'a')).toMatchObject({ version: 2 })
    expect(await locate(node, 'a')).toEqual([])
    expect(await locate(node, 'moved')).toHaveLength(1)
  })

  test('drops what it named when it is refused, so that the next try reads anew', async () => {
    const before = await stored(note('a'))
    const node = await start({ bellless: true, changesGone: true })
    await find(node, 'a')
    await store.commit([update(notes, before, { ...before, text: 'second' })])
    const late = node.commit([remove(notes, before)])
    await expect(late).rejects.toMatchObject({ code: 'conflict' })
    expect(await find(node, 'a')).toMatchObject({ text: 'second' })
  })
})

describe('what is not there', () => {
  test('is kept as absent until another node makes it', async () => {
    const [node, other] = [await start(), await start()]
    for (let i = 0; i < 3; i++) {
      expect(await find(node, 'a')).toBeUndefined()
      expect(await locate(node, 'a')).toEqual([])
    }
    expect(node.faults.reads).toBe(2)
    await other.commit([insert(notes, note('a'))])
    await node.feed.catchUp()
    expect(await find(node, 'a')).toBeDefined()
    expect(await locate(node, 'a')).toHaveLength(1)
  })

  test('pushes out nothing that is there, however much of it is looked for', async () => {
    await stored(note('a'))
    const node = await start()
    const kept = await find(node, 'a')
    await locate(node, 'a')
    for (let i = 0; i < 200; i++) {
      await find(node, `garbage-${i}`)
      await locate(node, `garbage-${i}`)
    }
    const { reads } = node.faults
    expect(await find(node, 'a')).toBe(kept)
    await locate(node, 'a')
    expect(node.faults.reads).toBe(reads)
  })

  test('is not kept at all under a key of absurd length', async () => {
    const node = await start()
    for (let i = 0; i < 2; i++) await find(node, 'x'.repeat(10_000))
    expect(node.faults.reads).toBe(2)
  })
})

describe('lists', () => {
  test('are read from the store each time', async () => {
    await stored(note('a'))
    const node = await start()
    for (let i = 0; i < 2; i++) {
      expect(await node.records.list(clinic, notes, 'all', '', page)).toHaveLength(1)
      expect(await node.records.locate(notes, 'all', '', page)).toHaveLength(1)
    }
    expect(node.faults.reads).toBe(4)
  })
})

describe('a node whose feed is older than 5 s', () => {
  test('reads through and keeps nothing, then believes its memory again', async () => {
    const before = await stored(note('a'))
    const node = await start()
    await find(node, 'a')
    node.faults.changesGone = true
    await store.commit([update(notes, before, { ...before, text: 'second' })])
    node.pass(5_001)
    for (let i = 0; i < 3; i++) expect(await find(node, 'a')).toMatchObject({ text: 'second' })
    expect(node.faults.reads).toBe(4)
    node.faults.changesGone = false
    await node.feed.catchUp()
    const loaded = await find(node, 'a')
    expect(loaded).toMatchObject({ text: 'second' })
    expect(await find(node, 'a')).toBe(loaded)
    expect(node.faults.reads).toBe(5)
  })

  test('refuses when the store is gone, too: never a stale answer', async () => {
    await stored(note('a'))
    const node = await start()
    await find(node, 'a')
    await locate(node, 'a')
    node.faults.changesGone = node.faults.recordsGone = true
    expect(await find(node, 'a')).toBeDefined()
    node.pass(5_001)
    await expect(find(node, 'a')).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(locate(node, 'a')).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})

test('rows of the feed that were forgotten before they were read empty the cache', async () => {
  const before = await stored(note('a'))
  const [node, other] = [await start({ bellless: true }), await start()]
  await find(node, 'a')
  await other.commit([update(notes, before, { ...before, text: 'second' })])
  await other.commit([insert(notes, note('b'))])
  await store.forget()
  await node.feed.catchUp()
  expect(await find(node, 'a')).toMatchObject({ text: 'second' })
})

test.each([{ bellless: false }, { bellless: true }])(
  'two nodes see each other’s changes within 1 s (bellless: $bellless)',
  async ({ bellless }) => {
    const before = await stored(note('a'))
    const [node, other] = [await start({ bellless }), await start({ bellless })]
    await find(node, 'a')
    await other.commit([update(notes, before, { ...before, text: 'second' })])
    await expect.poll(() => find(node, 'a'), { timeout: 1_000 }).toMatchObject({ text: 'second' })
    const seen = await find(node, 'a')
    if (seen === undefined) throw new Error('absent')
    await find(other, 'a')
    await node.commit([remove(notes, seen)])
    await expect.poll(() => find(other, 'a'), { timeout: 1_000 }).toBeUndefined()
  },
)
