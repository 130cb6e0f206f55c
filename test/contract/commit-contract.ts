import { describe, expect, test } from 'vitest'
import { type Change, insert, remove, update } from '../../src/storage/ports.ts'
import { keptThings } from './kept-things.ts'
import { type Opened, opened } from './opened.ts'
import type { StoreKind } from './stores.ts'
import { entries, entry, organization, thing, things } from './things.ts'
import { uniqueIndex } from './unique-contract.ts'

const conflict = { code: 'conflict' }
const alreadyExists = { code: 'already_exists' }

export function commitContract(kind: StoreKind): void {
  const it = opened(kind)

  describe('compare-and-set', () => compareAndSet(it))
  describe('all or nothing', () => allOrNothing(it))
  describe('a unique index', () => uniqueIndex(it))
  describe('isolation', () => isolation(it))
  describe('an append-only collection', () => appendOnly(it))
  describe('what no caller should ask', () => refused(it))
  describe('index entries', () => indexEntries(it))
}

function compareAndSet(it: Opened): void {
  const { inserted, stored, idsUnder } = keptThings(it)

  test('of 50 writers at once exactly one wins each version; the others get a conflict', async () => {
    const own = organization(it.fresh())
    let current = await inserted(own, 'a')
    for (let round = 1; round <= 3; round++) {
      const before = current
      const writers = Array.from({ length: 50 }, (_, writer) =>
        it.store.commit([update(things, before, { ...before, count: writer })]).then(() => writer),
      )
      const outcomes = await Promise.allSettled(writers)
      const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled')
      expect(winners).toHaveLength(1)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(conflict)
      current = await stored(own, 'a')
      expect(current).toMatchObject({ version: round + 1, count: winners[0]?.value })
    }
  })

  test('50 writers who read again after a conflict all get through, and no addition is lost', async () => {
    const own = organization(it.fresh())
    await inserted(own, 'a')
    const addOne = async (): Promise<void> => {
      const before = await stored(own, 'a')
      try {
        await it.store.commit([update(things, before, { ...before, count: before.count + 1 })])
      } catch (error) {
        expect(error).toMatchObject(conflict)
        await addOne()
      }
    }
    await Promise.all(Array.from({ length: 50 }, addOne))
    expect(await stored(own, 'a')).toMatchObject({ version: 51, count: 50 })
  })

  test('an update or a removal of what is gone, or never was, is a conflict', async () => {
    const own = organization(it.fresh())
    const before = await inserted(own, 'a')
    await it.store.commit([remove(things, before)])
    const never = thing(own, 'never')
    for (const change of [
      update(things, before, before),
      remove(things, before),
      update(things, never, never),
    ])
      await expect(it.store.commit([change])).rejects.toMatchObject(conflict)
    expect(await it.store.records.find(own, things, 'a')).toBeUndefined()
    expect(await idsUnder(own, 'all', '')).toEqual([])
  })

  test('a removal of an older version is a conflict', async () => {
    const own = organization(it.fresh())
    const before = await inserted(own, 'a')
    await it.store.commit([update(things, before, { ...before, count: 1 })])
    await expect(it.store.commit([remove(things, before)])).rejects.toMatchObject(conflict)
    expect((await stored(own, 'a')).count).toBe(1)
  })

  test('of 20 insertions of one id at once exactly one wins', async () => {
    const own = organization(it.fresh())
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, count) => it.store.commit([insert(things, thing(own, 'a', { count }))])),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(alreadyExists)
  })
}

function allOrNothing(it: Opened): void {
  const { inserted, stored, idsUnder } = keptThings(it)

  test.each(['conflict', 'already_exists'])(
    'a %s in the last change leaves nothing of the others',
    async (code) => {
      const own = organization(it.fresh())
      const [kept, removed] = [await inserted(own, 'kept', { tags: ['t'] }), await inserted(own, 'removed')]
      const outdated = await inserted(own, 'outdated', { label: 'taken' })
      const newer = update(things, outdated, { ...outdated, count: 5 })
      await it.store.commit([newer])
      const head = await it.store.changes.head()
      const last: Change =
        code === 'conflict'
          ? update(things, outdated, outdated)
          : insert(things, thing(own, 'other', { label: 'taken' }))

      const changes = [
        insert(things, thing(own, 'new', { tags: ['t'], slug: it.fresh() })),
        update(things, kept, { ...kept, count: 9, tags: ['u'] }),
        remove(things, removed),
        last,
      ] as const
      await expect(it.store.commit(changes)).rejects.toMatchObject({ code })

      expect(await idsUnder(own, 'all', '')).toEqual(['kept', 'outdated', 'removed'])
      expect(await idsUnder(own, 'tag', 't')).toEqual(['kept'])
      expect(await idsUnder(own, 'tag', 'u')).toEqual([])
      expect(await stored(own, 'kept')).toEqual(kept)
      expect(await stored(own, 'outdated')).toMatchObject({ version: 2, count: 5 })
      expect(await it.store.changes.read(head, 10)).toEqual({ rows: [], gap: false })
    },
  )

  test('one that fails among many at once harms none of the others', async () => {
    const own = organization(it.fresh())
    const outdated = await inserted(own, 'outdated')
    await it.store.commit([update(things, outdated, outdated)])
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) => {
        const mine = insert(things, thing(own, `t${i}`, { count: i }))
        return it.store.commit(i % 3 === 0 ? [mine, update(things, outdated, outdated)] : [mine])
      }),
    )
    for (const [i, outcome] of outcomes.entries()) {
      expect(outcome.status).toBe(i % 3 === 0 ? 'rejected' : 'fulfilled')
      const found = await it.store.records.find(own, things, `t${i}`)
      expect(found?.count).toBe(i % 3 === 0 ? undefined : i)
    }
  })
}

function isolation(it: Opened): void {
  const { inserted, stored } = keptThings(it)

  test('no organization changes what is another’s: its update and removal are conflicts, its insertion is its own', async () => {
    const [own, other] = [organization(it.fresh()), organization(it.fresh())]
    const before = await inserted(own, 'a', { count: 1 })
    const disguised = { ...before, organizationId: other }
    await expect(it.store.commit([update(things, disguised, disguised)])).rejects.toMatchObject(conflict)
    await expect(it.store.commit([remove(things, disguised)])).rejects.toMatchObject(conflict)
    await inserted(other, 'a', { count: 2 })
    expect(await stored(own, 'a')).toEqual(before)
    expect(await stored(other, 'a')).toMatchObject({ count: 2 })
  })

  test('an update that would move a document to another organization or id is refused', async () => {
    const own = organization(it.fresh())
    const before = await inserted(own, 'a')
    const moved = { ...before, organizationId: organization(it.fresh()) }
    await expect(it.store.commit([update(things, before, moved)])).rejects.toThrow(/organization/)
    await expect(it.store.commit([update(things, before, { ...before, id: 'b' })])).rejects.toThrow(/id/)
  })
}

function appendOnly(it: Opened): void {
  test('takes insertions and removals, and refuses an update', async () => {
    const own = organization(it.fresh())
    const kept = entry(own, 'a')
    await it.store.commit([insert(entries, kept)])
    await expect(it.store.commit([update(entries, kept, kept)])).rejects.toThrow(/append-only/)
    expect(await it.store.records.find(own, entries, 'a')).toEqual(kept)
    await it.store.commit([remove(entries, kept)])
    expect(await it.store.records.find(own, entries, 'a')).toBeUndefined()
  })
}

function refused(it: Opened): void {
  const { inserted, stored } = keptThings(it)

  test('a new document begins at version 1', async () => {
    const own = organization(it.fresh())
    const later = thing(own, 'a', { version: 2 })
    await expect(it.store.commit([insert(things, later)])).rejects.toThrow(/version/)
  })

  test('one commit changes a document once', async () => {
    const own = organization(it.fresh())
    const before = await inserted(own, 'a')
    const twice = [update(things, before, before), remove(things, before)] as const
    await expect(it.store.commit(twice)).rejects.toThrow(/twice/)
    expect(await stored(own, 'a')).toEqual(before)
  })
}

function indexEntries(it: Opened): void {
  const { inserted, idsUnder } = keptThings(it)

  test('follow the document: added, kept and ended', async () => {
    const own = organization(it.fresh())
    const before = await inserted(own, 'a', { tags: ['one', 'two'] })
    await it.store.commit([update(things, before, { ...before, tags: ['two', 'three'] })])
    expect(await idsUnder(own, 'tag', 'one')).toEqual([])
    expect(await idsUnder(own, 'tag', 'two')).toEqual(['a'])
    expect(await idsUnder(own, 'tag', 'three')).toEqual(['a'])
    const [listed] = await it.store.records.list(own, things, 'tag', 'two', { limit: 1 })
    expect(listed?.version).toBe(2)
  })
}
