import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { insert, remove, update } from '../../src/storage/ports.ts'
import { opened } from './opened.ts'
import type { StoreKind } from './stores.ts'
import { entries, entry, organization, thing, things } from './things.ts'

const hourMs = 3_600_000

export function changesContract(kind: StoreKind): void {
  const it = opened(kind)

  test('one row a commit, in order, that names what it changed and where it can be located', async () => {
    const own = organization(it.fresh())
    const [slug, newSlug] = [it.fresh(), it.fresh()]
    const start = await it.store.changes.head()
    const first = thing(own, 'a', { name: 'n', slug, label: 'x' })
    await it.store.commit([insert(things, first), insert(entries, entry(own, 'e'))])
    const change = update(things, first, { ...first, slug: newSlug })
    await it.store.commit([change])
    await it.store.commit([remove(things, { ...first, version: 2, slug: newSlug })])
    const { rows, gap } = await it.store.changes.read(start, 10)
    expect(gap).toBe(false)
    const a = { organizationId: own, collection: things.name, id: 'a' }
    expect(
      rows.map(({ items }) => items.map((item) => ({ ...item, located: item.located.toSorted() }))),
    ).toEqual([
      [
        { ...a, located: ['name:n', `slug:${slug}`] },
        { organizationId: own, collection: entries.name, id: 'e', located: ['all:'] },
      ],
      [{ ...a, located: ['name:n', `slug:${slug}`, `slug:${newSlug}`].toSorted() }],
      [{ ...a, located: ['name:n', `slug:${newSlug}`] }],
    ])
    const positions = rows.map(({ position }) => position)
    expect(positions).toEqual([...new Set(positions)].toSorted((x, y) => x - y))
    expect(positions[0]).toBeGreaterThan(start)
    expect(await it.store.changes.head()).toBe(positions.at(-1))
  })

  test('tells of which revision of a collection a program was that wrote it', async () => {
    const own = organization(it.fresh())
    const start = await it.store.changes.head()
    const later = { ...things, revision: 3 }
    const [first, second] = ['a', 'b'].map((id) => thing(own, id, { name: 'n', slug: it.fresh() }))
    if (first === undefined || second === undefined) throw new Error('none was made')
    await it.store.commit([insert(things, first), insert(later, second)])
    await it.store.commit([remove(later, second)])
    const { rows } = await it.store.changes.read(start, 10)
    expect(rows.map(({ items }) => items.map(({ id, revision }) => ({ id, revision })))).toEqual([
      [
        { id: 'a', revision: undefined },
        { id: 'b', revision: 3 },
      ],
      [{ id: 'b', revision: 3 }],
    ])
  })

  test('is read on from any position, so many rows at a time', async () => {
    const own = organization(it.fresh())
    const start = await it.store.changes.head()
    for (let i = 0; i < 5; i++) await it.store.commit([insert(entries, entry(own, `e${i}`))])
    const ids: string[] = []
    for (let position = start; ; ) {
      const { rows, gap } = await it.store.changes.read(position, 2)
      expect(gap).toBe(false)
      expect(rows.length).toBeLessThanOrEqual(2)
      ids.push(...rows.flatMap(({ items }) => items.map(({ id }) => id)))
      const last = rows.at(-1)
      if (last === undefined) break
      position = last.position
    }
    expect(ids).toEqual(['e0', 'e1', 'e2', 'e3', 'e4'])
  })

  test('of 50 commits at once each has its row, and each is readable when its row is', async () => {
    const own = organization(it.fresh())
    const start = await it.store.changes.head()
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => it.store.commit([insert(entries, entry(own, `e${i}`))])),
    )
    const { rows } = await it.store.changes.read(start, 1_000)
    const ids = rows.flatMap(({ items }) => items.map(({ id }) => id))
    expect(ids.toSorted()).toEqual(Array.from({ length: 50 }, (_, i) => `e${i}`).toSorted())
    for (const id of ids) expect(await it.store.records.find(own, entries, id)).toBeDefined()
  })

  describe('the bell', () => {
    test('rings after a commit of this process, for every listener, until it is stopped', async () => {
      const own = organization(it.fresh())
      const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const stopFirst = it.store.changes.onBell(() => first.resolve())
      const stopSecond = it.store.changes.onBell(() => second.resolve())
      await it.store.commit([insert(entries, entry(own, 'a'))])
      await Promise.all([first.promise, second.promise])
      stopFirst()
      stopFirst()
      stopSecond()
      let later = 0
      const stopThird = it.store.changes.onBell(() => {
        later++
      })
      stopThird()
      await it.store.commit([insert(entries, entry(own, 'b'))])
      await pause(150)
      expect(later).toBe(0)
    })
  })

  describe('rows live an hour', () => {
    test('a sweep forgets older ones only; who had not read them is told of the gap', async () => {
      const own = organization(it.fresh())
      const start = await it.store.changes.head()
      await it.store.commit([insert(entries, entry(own, 'old'))])
      const old = await it.store.changes.head()
      it.nowMs += hourMs - 1
      await it.store.commit([insert(entries, entry(own, 'young'))])
      await it.store.sweep()
      expect((await it.store.changes.read(start, 10)).gap).toBe(false)
      it.nowMs += 2
      await it.store.sweep()

      expect((await it.store.changes.read(start, 10)).gap).toBe(true)
      const rest = await it.store.changes.read(old, 10)
      expect(rest.gap).toBe(false)
      expect(rest.rows.flatMap(({ items }) => items.map(({ id }) => id))).toEqual(['young'])
    })

    test('when all are forgotten, who has read them is at the head and misses nothing; others have a gap', async () => {
      const own = organization(it.fresh())
      await it.store.commit([insert(entries, entry(own, 'a'))])
      const [before, head] = [(await it.store.changes.head()) - 1, await it.store.changes.head()]
      it.nowMs += hourMs + 1
      await it.store.sweep()
      expect(await it.store.changes.head()).toBe(head)
      expect(await it.store.changes.read(head, 10)).toEqual({ rows: [], gap: false })
      expect(await it.store.changes.read(before, 10)).toEqual({ rows: [], gap: true })
      await it.store.commit([insert(entries, entry(own, 'b'))])
      const { rows, gap } = await it.store.changes.read(head, 10)
      expect(gap).toBe(false)
      expect(rows.flatMap(({ items }) => items.map(({ id }) => id))).toEqual(['b'])
    })
  })

  test('a position ahead of the head is a gap: the store was put back to an earlier day', async () => {
    const head = await it.store.changes.head()
    expect(await it.store.changes.read(head + 100, 10)).toEqual({ rows: [], gap: true })
  })

  test.each([0, 1001, 1.5])('a limit of %s rows is refused', async (limit) => {
    await expect(it.store.changes.read(0, limit)).rejects.toMatchObject({ code: 'invalid_request' })
  })
}
