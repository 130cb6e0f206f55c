import { expect, test } from 'vitest'
import type { OrganizationId } from '../../src/ids.ts'
import type { Collection, TrailPage } from '../../src/storage/ports.ts'
import { opened } from './opened.ts'
import type { StoreKind } from './stores.ts'
import { type Entry, entries, entry, organization, things } from './things.ts'

/** Found within an organization by writer, and across organizations by the wave. */
const seen: Collection<Entry> = {
  name: 'contract_seen',
  appendOnly: true,
  schema: entries.schema,
  indexes: {
    all: { keys: () => [''] },
    writer: { keys: ({ writer }) => [writer, writer] },
    wave: { keys: ({ wave }) => [`${wave}`], deploymentWide: true },
  },
}

export function trailsContract(kind: StoreKind): void {
  const it = opened(kind)
  let waves = 1_000
  const idsOf = async (own: OrganizationId, page: Partial<TrailPage> = {}, index = 'all', key = '') =>
    (await it.store.trails.list(own, seen, index, key, { limit: 100, ...page })).map(({ id }) => id)

  test('entries are listed newest first, whatever the order in which they came, in pages and stretches', async () => {
    const own = organization(it.fresh())
    const ids = Array.from({ length: 250 }, (_, i) => `e${String(i).padStart(3, '0')}`)
    const shuffled = ids.toSorted((a, b) =>
      a.split('').reverse().join('') < b.split('').reverse().join('') ? -1 : 1,
    )
    await it.store.trails.append(
      seen,
      shuffled.map((id) => entry(own, id)),
    )
    expect(await idsOf(own, { limit: 1_000 })).toEqual(ids.toReversed())
    expect(await idsOf(own, { limit: 3 })).toEqual(['e249', 'e248', 'e247'])
    expect(await idsOf(own, { limit: 3, before: 'e247' })).toEqual(['e246', 'e245', 'e244'])
    expect(await idsOf(own, { before: 'e005', from: 'e002' })).toEqual(['e004', 'e003', 'e002'])
    expect(await idsOf(own, { from: 'e248' })).toEqual(['e249', 'e248'])
    for (const limit of [0, 1_001, 0.5])
      await expect(idsOf(own, { limit })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('an entry that comes again is there once, and is told apart from the new ones', async () => {
    const own = organization(it.fresh())
    const [a, b, c] = ['a', 'b', 'c'].map((id) => entry(own, id, { writer: 'first' }))
    if (a === undefined || b === undefined || c === undefined) throw new Error('three were made')
    expect(await it.store.trails.append(seen, [a, b])).toEqual([a, b])
    expect(await it.store.trails.append(seen, [{ ...a, writer: 'again' }, c, b, c])).toEqual([c])
    expect(await it.store.trails.append(seen, [a, b, c])).toEqual([])
    expect(await it.store.trails.append(seen, [])).toEqual([])
    expect(await it.store.trails.list(own, seen, 'all', '', { limit: 10 })).toEqual([c, b, a])
    expect(await idsOf(own, {}, 'writer', 'again')).toEqual([])
  })

  test('the same entries from many at once are there once', async () => {
    const own = organization(it.fresh())
    const batch = Array.from({ length: 150 }, (_, i) => entry(own, `e${i}`))
    const told = await Promise.all(Array.from({ length: 4 }, () => it.store.trails.append(seen, batch)))
    expect(told.flat()).toHaveLength(150)
    expect(await idsOf(own, { limit: 1_000 })).toHaveLength(150)
  })

  test('an index lists its keys alone; no organization sees another’s, and across all there is one list', async () => {
    const [own, other] = [organization(it.fresh()), organization(it.fresh())]
    const wave = ++waves
    await it.store.trails.append(seen, [
      entry(own, 'a', { writer: 'one', wave }),
      entry(own, 'b', { writer: 'two', wave: wave * 10 }),
      entry(other, 'c', { writer: 'one', wave }),
      entry(own, 'd', { writer: 'one', wave }),
    ])
    expect(await idsOf(own, {}, 'writer', 'one')).toEqual(['d', 'a'])
    expect(await idsOf(own, {}, 'writer', 'on')).toEqual([])
    expect(await idsOf(other)).toEqual(['c'])
    const across = async (page: TrailPage) =>
      (await it.store.trails.listAcross(seen, 'wave', `${wave}`, page)).map(({ id }) => id)
    expect(await across({ limit: 10 })).toEqual(['d', 'c', 'a'])
    expect(await across({ limit: 1, before: 'd' })).toEqual(['c'])
    const everywhere = { limit: 1 }
    await expect(it.store.trails.listAcross(seen, 'writer', 'one', everywhere)).rejects.toThrow(/writer/)
    await expect(it.store.trails.list(own, seen, 'wave', `${wave}`, everywhere)).rejects.toThrow(/wave/)
  })

  test('two organizations may have the same id', async () => {
    const [own, other] = [organization(it.fresh()), organization(it.fresh())]
    await it.store.trails.append(seen, [entry(own, 'same'), entry(other, 'same', { writer: 'two' })])
    expect(await it.store.trails.list(own, seen, 'all', '', { limit: 9 })).toMatchObject([{ writer: 'one' }])
    expect(await it.store.trails.list(other, seen, 'all', '', { limit: 9 })).toMatchObject([
      { writer: 'two' },
    ])
  })

  test('forget deletes what is older in every list, and says how many', async () => {
    const own = organization(it.fresh())
    const wave = ++waves
    // Before all ids of other tests.
    const ids = Array.from({ length: 1_205 }, (_, i) => `!${String(i).padStart(4, '0')}`)
    await it.store.trails.append(
      seen,
      ids.map((id) => entry(own, id, { wave })),
    )
    expect(await it.store.trails.forget(seen, '!1203')).toBe(1_203)
    expect(await idsOf(own)).toEqual(['!1204', '!1203'])
    expect(await idsOf(own, {}, 'writer', 'one')).toEqual(['!1204', '!1203'])
    expect(await it.store.trails.listAcross(seen, 'wave', `${wave}`, { limit: 9 })).toHaveLength(2)
    expect(await it.store.trails.forget(seen, '!1203')).toBe(0)
    // Nothing of it is left to be in the way of the same one.
    const [first] = ids.map((id) => entry(own, id, { wave }))
    if (first === undefined) throw new Error('there is a first')
    expect(await it.store.trails.append(seen, [first])).toHaveLength(1)
  })

  test('only what is never changed is appended, and text that cannot be kept is refused', async () => {
    const own = organization(it.fresh())
    const thing = { ...entry(own, 'a'), name: 'x', tags: [], count: 0 }
    await expect(it.store.trails.append(things, [thing])).rejects.toThrow(/append-only/)
    await expect(it.store.trails.append(seen, [{ ...entry(own, 'a'), version: 2 }])).rejects.toThrow()
    const half = entry(own, 'a', { writer: '\ud800' })
    await expect(it.store.trails.append(seen, [half])).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await idsOf(own)).toEqual([])
  })
}
