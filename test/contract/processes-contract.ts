import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { followFeed } from '../../src/storage/feed.ts'
import { type Change, type ChangeRow, insert } from '../../src/storage/ports.ts'
import { openAt } from './open-at.ts'
import { opened } from './opened.ts'
import { startChild } from './processes.ts'
import type { StoreKind } from './stores.ts'
import { entries, organization, service, thing, things } from './things.ts'

const strings = z.array(z.string())

/** What holds between processes on one store. */
export function processesContract(kind: StoreKind): void {
  const it = opened(kind)

  const twoChildren = (task: string, ...args: readonly [unknown, unknown]) =>
    Promise.all([startChild(it.place.address, task, args[0]), startChild(it.place.address, task, args[1])])

  test('consume is true in one of two processes, for each of 200 artifacts', async () => {
    const own = it.fresh()
    const ids = Array.from({ length: 200 }, (_, i) => `code${i}`)
    await Promise.all(ids.map((id) => it.store.artifacts.upsert(service(own), 'Code', { id, payload: 'x' })))
    const children = await twoChildren('consume', [own, ...ids], [own, ...ids.toReversed()])
    for (const child of children) child.go()
    const consumed = await Promise.all(children.map(async (child) => strings.parse(await child.next())))
    await Promise.all(children.map((child) => child.end()))
    expect(consumed.flat().toSorted()).toEqual(ids.toSorted())
  })

  test('a unique key goes to one of two processes, each of 50 times', async () => {
    const owners = [it.fresh(), it.fresh()] as const
    const slugs = Array.from({ length: 50 }, (_, i) => `${owners[0]}-slug${String(i).padStart(2, '0')}`)
    const children = await twoChildren('claim', [owners[0], ...slugs], [owners[1], ...slugs])
    for (const child of children) child.go()
    const got = await Promise.all(children.map(async (child) => strings.parse(await child.next())))
    await Promise.all(children.map((child) => child.end()))
    expect(got.flat().toSorted()).toEqual(slugs)
    for (const slug of slugs)
      expect(await it.store.records.locate(things, 'slug', slug, { limit: 2 })).toHaveLength(1)
  })

  test('additions of two processes add up, and their marks only go forward', async () => {
    const own = it.fresh()
    const marks = Array.from({ length: 40 }, (_, i) => String(1_000 + i))
    const children = await twoChildren('count', [own, ...marks], [own, ...marks.toReversed()])
    for (const child of children) child.go()
    await Promise.all(children.map((child) => child.end()))
    const [counter] = await it.store.counters.list(organization(own), 'n', { limit: 1 })
    expect(counter?.count).toBe(80)
    expect((await it.store.counters.latest(organization(own), ['n'])).get('n')).toBe(1_039)
  })

  test('a commit is all or nothing when its process dies, and what returned is kept', {
    timeout: 120_000,
  }, async () => {
    const own = organization(it.fresh())
    const name = own.slice('org_'.length)
    const members = Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, '0')}`)
    const [first, ...rest] = members.map((id): Change => insert(things, thing(own, id)))
    if (first !== undefined) await it.store.commit([first, ...rest])
    const start = await it.store.changes.head()
    let count = 0
    const began = performance.now()
    // Fewer on a server that holds a dead process's locks for a minute.
    for (let life = 0; life < 8 && (life < 2 || performance.now() - began < 30_000); life++) {
      const child = await startChild(it.place.address, 'raise-together', [name, ...members])
      child.go()
      let returned = z.int().parse(await child.next())
      // Each life ends at another moment of the loop, most of which is the commit.
      await pause(17 + life * 7.3)
      await child.kill()
      for (const said of child.heard()) returned = z.int().parse(said)

      const found = await Promise.all(members.map((id) => it.store.records.find(own, things, id)))
      count = found[0]?.count ?? 0
      expect(found.map((member) => member?.count)).toEqual(members.map(() => count))
      expect(found.map((member) => member?.version)).toEqual(members.map(() => count + 1))
      expect(count).toBeGreaterThanOrEqual(returned)
      const under = await it.store.records.list(own, things, 'tag', `at ${count}`, { limit: 100 })
      expect(under.map(({ id }) => id)).toEqual(members)
      const last = await it.store.records.list(own, entries, 'all', '', { limit: 1, order: 'newest_first' })
      expect(last.map(({ id }) => id)).toEqual([`raised-${String(count).padStart(6, '0')}`])
    }
    const rows = await rowsAfter(start, count)
    expect(rows).toHaveLength(count)
    for (const { items } of rows) expect(items).toHaveLength(1 + members.length)
  })

  async function rowsAfter(start: number, atLeast: number): Promise<readonly ChangeRow[]> {
    const all: ChangeRow[] = []
    for (let position = start; ; ) {
      const { rows, gap } = await it.store.changes.read(position, 1_000)
      expect(gap).toBe(false)
      all.push(...rows)
      const last = rows.at(-1)
      if (last === undefined) {
        expect(all.length).toBeGreaterThanOrEqual(atLeast)
        return all
      }
      position = last.position
    }
  }

  test('the feed loses nothing and keeps the order while two processes write', {
    timeout: 120_000,
  }, async () => {
    const own = it.fresh()
    const [waves, width] = [60, 5]
    const plan = (writer: string) => ({ organizationName: own, writer, waves, width })
    const children = await twoChildren('write', plan('left'), plan('right'))
    let position = await it.store.changes.head()
    let isWriting = true
    const seen: string[] = []
    const follow = (async () => {
      for (let isLast = false; !isLast; ) {
        // Once more after the end: then everything must have come.
        isLast = !isWriting
        const { rows, gap } = await it.store.changes.read(position, 7)
        expect(gap).toBe(false)
        for (const row of rows) {
          expect(row.position).toBeGreaterThan(position)
          position = row.position
          seen.push(
            ...row.items
              .filter(({ organizationId }) => organizationId === organization(own))
              .map(({ id }) => id),
          )
        }
        if (rows.length > 0) isLast = false
        else await pause(1)
      }
    })()
    for (const child of children) child.go()
    await Promise.all(children.map((child) => child.end()))
    isWriting = false
    await follow
    for (const writer of ['left', 'right']) {
      const its = seen.filter((id) => id.startsWith(`${writer}-`))
      expect(new Set(its).size).toBe(waves * width)
      expect(its).toHaveLength(waves * width)
      const order = its.map((id) => Number(id.split('-')[1]))
      expect(order).toEqual(order.toSorted((a, b) => a - b))
    }
  })

  test('what another process commits is seen by a node that follows the feed within a second', async () => {
    const own = it.fresh()
    const plan = { organizationName: own, writer: 'other', waves: 1, width: 1 }
    const child = await startChild(it.place.address, 'write', plan)
    const feed = await followFeed({ changes: it.store.changes, monotonic: () => performance.now() })
    const seen = Promise.withResolvers<void>()
    feed.onRow(({ items }) => items.some(({ id }) => id === 'other-0000-0') && seen.resolve())
    child.go()
    expect(await child.next()).toBe('written')
    expect(await it.store.records.find(organization(own), entries, 'other-0000-0')).toBeDefined()
    const late = pause(1_000).then(() => Promise.reject(new Error('not seen within a second')))
    await Promise.race([seen.promise, late])
    await feed.stop()
    await child.end()
  })

  test('five processes open an empty store at once, and one of them makes it', {
    timeout: 60_000,
  }, async () => {
    const place = await kind.newPlace()
    try {
      const children = await Promise.all(
        Array.from({ length: 5 }, (_, i) =>
          startChild(place.address, 'write', {
            ...{ organizationName: 'shared', writer: `w${i}`, waves: 1, width: 2 },
          }),
        ),
      )
      for (const child of children) child.go()
      await Promise.all(children.map((child) => child.end()))
      const store = await openAt(place.address, () => it.nowMs)
      const all = await store.records.list(organization('shared'), entries, 'all', '', { limit: 100 })
      await store.close()
      expect(all).toHaveLength(10)
    } finally {
      await place.drop()
    }
  })
}
