import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type Change,
  type Collection,
  cursorOf,
  insert,
  type Page,
  remove,
  type Stored,
} from '../../src/storage/ports.ts'
import { opened } from './opened.ts'
import type { StoreKind } from './stores.ts'
import { organization, type Thing, thing, things } from './things.ts'

export function recordsContract(kind: StoreKind): void {
  const it = opened(kind)

  describe('find', () => {
    test('gives what was inserted, and nothing for an id that is not there', async () => {
      const own = organization(it.fresh())
      const kept = thing(own, 'a', { label: 'x', nested: { list: [1, null, true, 'two', { deep: 1.5 }] } })
      await it.store.commit([insert(things, kept)])
      expect(await it.store.records.find(own, things, 'a')).toEqual(kept)
      expect(await it.store.records.find(own, things, 'b')).toBeUndefined()
    })

    test('gives documents frozen to their depth, none of them the object that was given', async () => {
      const own = organization(it.fresh())
      const given = thing(own, 'a', { tags: ['x'], nested: { list: [{ n: 1 }] } })
      await it.store.commit([insert(things, given)])
      const found = await it.store.records.find(own, things, 'a')
      expect(found).not.toBe(given)
      expect(Object.isFrozen(given)).toBe(false)
      expect(isDeeplyFrozen(found)).toBe(true)
      const [listed] = await it.store.records.list(own, things, 'all', '', { limit: 1 })
      expect(isDeeplyFrozen(listed)).toBe(true)
    })

    test('parses by the schema of the collection that reads: a later one may add a default', async () => {
      const own = organization(it.fresh())
      await it.store.commit([insert(things, thing(own, 'a'))])
      const found = await it.store.records.find(own, laterThings, 'a')
      expect(found?.colour).toBe('none')
    })

    test('refuses a document that does not fit its schema', async () => {
      const own = organization(it.fresh())
      await it.store.commit([insert(things, thing(own, 'a'))])
      await expect(it.store.records.find(own, strictThings, 'a')).rejects.toThrow(/does not fit/)
    })
  })

  describe('list', () => {
    test('gives the documents under one key of one index, in the order of ids', async () => {
      const own = organization(it.fresh())
      await it.store.commit([
        insert(things, thing(own, 'c', { tags: ['red'] })),
        insert(things, thing(own, 'a', { tags: ['red', 'blue', 'red'] })),
        insert(things, thing(own, 'b', { tags: ['blue'] })),
      ])
      const ids = async (key: string, page: Page) =>
        (await it.store.records.list(own, things, 'tag', key, page)).map(({ id }) => id)
      expect(await ids('red', { limit: 10 })).toEqual(['a', 'c'])
      expect(await ids('blue', { limit: 10, order: 'newest_first' })).toEqual(['b', 'a'])
      expect(await ids('red', { limit: 1 })).toEqual(['a'])
      expect(await ids('red', { limit: 10, after: 'a' })).toEqual(['c'])
      expect(await ids('red', { limit: 10, after: 'c', order: 'newest_first' })).toEqual(['a'])
      expect(await ids('re', { limit: 10 })).toEqual([])
      expect(await ids('green', { limit: 10 })).toEqual([])
    })

    test('gives the organization’s own ones alone of a key that several have, by a deployment-wide index, too', async () => {
      const [before, own, after] = [1, 2, 3].map((i) => organization(`${it.fresh()} ${i}`))
      if (before === undefined || own === undefined || after === undefined) throw new Error('three are made')
      const name = it.fresh()
      const of = (organizationId: typeof own, id: string) =>
        insert(things, thing(organizationId, id, { name }))
      await it.store.commit([of(own, 'c'), of(own, 'a'), of(before, 'b'), of(after, 'd'), of(own, 'b')])
      const longer = thing(own, 'longer', { name: `${name} ` })
      await it.store.commit([insert(things, longer), insert(things, thing(own, 'e', { name: `${name}!` }))])
      const ids = async (key: string, page: Page) =>
        (await it.store.records.list(own, things, 'name', key, page)).map(({ id }) => id)
      expect(await ids(name, { limit: 10 })).toEqual(['a', 'b', 'c'])
      expect(await ids(name, { limit: 2, order: 'newest_first' })).toEqual(['c', 'b'])
      expect(await ids(name, { limit: 1, after: 'a' })).toEqual(['b'])
      expect(await ids(name, { limit: 3, after: 'b', order: 'newest_first' })).toEqual(['a'])
      expect(await ids(name, { limit: 3, after: 'aa' })).toEqual(['b', 'c'])
      expect(await it.store.records.list(own, things, 'name', `${name} `, { limit: 2 })).toEqual([longer])
      await it.store.commit([remove(things, thing(own, 'b', { name }))])
      expect(await ids(name, { limit: 10 })).toEqual(['a', 'c'])
    })

    test('goes on after an id that is gone', async () => {
      const own = organization(it.fresh())
      await it.store.commit([insert(things, thing(own, 'a')), insert(things, thing(own, 'c'))])
      const rest = await it.store.records.list(own, things, 'all', '', { limit: 10, after: 'b' })
      expect(rest.map(({ id }) => id)).toEqual(['c'])
    })
  })

  describe('locate', () => {
    test('says where, never what, in the order of organization and id', async () => {
      const [one, two] = [organization(`${it.fresh()}-1`), organization(`${it.fresh()}-2`)]
      const name = it.fresh()
      await it.store.commit([
        insert(things, thing(two, 'a', { name })),
        insert(things, thing(one, 'b', { name })),
        insert(things, thing(one, 'a', { name })),
      ])
      const all = await it.store.records.locate(things, 'name', name, { limit: 10 })
      const expected = [
        { organizationId: one, id: 'a' },
        { organizationId: one, id: 'b' },
        { organizationId: two, id: 'a' },
      ]
      expect(all).toEqual(expected)
      const page = { limit: 10, after: cursorOf({ organizationId: one, id: 'b' }) }
      expect(await it.store.records.locate(things, 'name', name, page)).toEqual(expected.slice(2))
      const back = await it.store.records.locate(things, 'name', name, { ...page, order: 'newest_first' })
      expect(back).toEqual(expected.slice(0, 1))
    })

    test('is refused on an index that is not declared deployment-wide', async () => {
      await expect(it.store.records.locate(things, 'tag', 'x', { limit: 1 })).rejects.toThrow(/tag/)
      await expect(it.store.records.locate(things, 'label', 'x', { limit: 1 })).rejects.toThrow(/label/)
    })

    test('refuses to go on after a place that is none', async () => {
      const page = { limit: 1, after: 'no-cursor' }
      await expect(it.store.records.locate(things, 'name', 'x', page)).rejects.toMatchObject({
        code: 'invalid_request',
      })
    })
  })

  test.each([0, -1, 1001, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'a page of %s documents is refused',
    async (limit) => {
      const refused = { code: 'invalid_request' }
      const own = organization(it.fresh())
      await expect(it.store.records.list(own, things, 'all', '', { limit })).rejects.toMatchObject(refused)
      await expect(it.store.records.locate(things, 'name', '', { limit })).rejects.toMatchObject(refused)
    },
  )

  test('an index that the collection does not declare is refused', async () => {
    const own = organization(it.fresh())
    await expect(it.store.records.list(own, things, 'nope', '', { limit: 1 })).rejects.toThrow(/nope/)
    await expect(it.store.records.list(own, things, 'toString', '', { limit: 1 })).rejects.toThrow(/toString/)
    await expect(it.store.records.locate(things, 'nope', '', { limit: 1 })).rejects.toThrow(/nope/)
  })

  test('no organization sees what is another organization’s', async () => {
    const [own, other] = [organization(it.fresh()), organization(it.fresh())]
    await it.store.commit([insert(things, thing(own, 'a', { label: 'x', tags: ['t'] }))])
    expect(await it.store.records.find(other, things, 'a')).toBeUndefined()
    for (const [index, key] of [
      ['all', ''],
      ['tag', 't'],
      ['label', 'x'],
      ['name', 'name of a'],
    ] as const) {
      expect(await it.store.records.list(other, things, index, key, { limit: 10 })).toEqual([])
      expect(await it.store.records.list(own, things, index, key, { limit: 10 })).toHaveLength(1)
    }
  })

  test('collections are apart: the same organization and id in another one is another document', async () => {
    const own = organization(it.fresh())
    await it.store.commit([
      insert(things, thing(own, 'a')),
      insert(otherThings, thing(own, 'a', { count: 7 })),
    ])
    expect((await it.store.records.find(own, things, 'a'))?.count).toBe(0)
    expect((await it.store.records.find(own, otherThings, 'a'))?.count).toBe(7)
  })

  test('paging over 10,000 documents gives each once, in both orders', { timeout: 180_000 }, async () => {
    const own = organization(it.fresh())
    const name = it.fresh()
    // Not in the order of ids: 7,919 is prime, so every number comes once.
    const ids = Array.from({ length: 10_000 }, (_, i) => `t${String((i * 7_919) % 10_000).padStart(5, '0')}`)
    for (let i = 0; i < ids.length; i += 500) {
      const [first, ...rest] = ids
        .slice(i, i + 500)
        .map((id): Change => insert(crowd, thing(own, id, { name })))
      if (first !== undefined) await it.store.commit([first, ...rest])
    }
    const sorted = ids.toSorted()
    for (const order of ['oldest_first', 'newest_first'] as const) {
      const expected = order === 'oldest_first' ? sorted : sorted.toReversed()
      const listed = await pages(
        (page) => it.store.records.list(own, crowd, 'all', '', page),
        order,
        ({ id }) => id,
      )
      expect(listed).toEqual(expected)
      const named = await pages(
        (page) => it.store.records.list(own, crowd, 'name', name, page),
        order,
        ({ id }) => id,
      )
      expect(named).toEqual(expected)
      const located = await pages(
        (page) => it.store.records.locate(crowd, 'name', name, page),
        order,
        cursorOf,
      )
      expect(located).toEqual(expected)
    }
  })

  describe('odd texts', () => {
    const texts = [
      'NUL \u0000 within',
      '\u0000',
      '\u{1f469}\u200d\u2695\ufe0f',
      '\u00e9 and e\u0301',
      '\uFFFD',
      '\uFEFFbom',
      '\u202ertl',
      '$where',
      'a.b',
      '%_',
      "'; DROP TABLE records; --",
      '\u{10FFFF}',
      ' ',
      '__proto__',
      'x'.repeat(500),
    ]

    test.each(texts)('come back as they were, as id, key and content: %j', async (text) => {
      const own = organization(`${it.fresh()}${text}`)
      const id = `i${text}`
      const kept = thing(own, id, {
        name: `n${text}`,
        label: text,
        tags: [text],
        nested: { content: [text] },
      })
      await it.store.commit([insert(things, kept)])
      expect(await it.store.records.find(own, things, id)).toEqual(kept)
      expect(await it.store.records.list(own, things, 'tag', text, { limit: 2 })).toEqual([kept])
      expect(await it.store.records.list(own, things, 'name', `n${text}`, { limit: 2 })).toEqual([kept])
      expect(await it.store.records.locate(things, 'name', `n${text}`, { limit: 2 })).toEqual([
        { organizationId: own, id },
      ])
      const again = insert(things, thing(own, 'another', { label: text }))
      await expect(it.store.commit([again])).rejects.toMatchObject({ code: 'already_exists' })
    })

    test('half of a surrogate pair is refused as id and key, and never read as another text', async () => {
      const own = organization(it.fresh())
      const refused = { code: 'invalid_request' }
      for (const bad of [thing(own, 'a\ud800'), thing(own, 'a', { tags: ['\udc00'] })])
        await expect(it.store.commit([insert(things, bad)])).rejects.toMatchObject(refused)
      await expect(it.store.records.find(own, things, '\ud800')).rejects.toMatchObject(refused)
      await expect(it.store.records.list(own, things, 'tag', '\ud800', { limit: 1 })).rejects.toMatchObject(
        refused,
      )
      await expect(it.store.records.locate(things, 'name', '\ud800', { limit: 1 })).rejects.toMatchObject(
        refused,
      )
    })

    test('half of a surrogate pair in the content comes back as it was, or is refused', async () => {
      const own = organization(it.fresh())
      const kept = thing(own, 'a', { nested: 'half \ud83d of a pair' })
      const refusal = await it.store.commit([insert(things, kept)]).catch((error: unknown) => error)
      const found = await it.store.records.find(own, things, 'a')
      if (refusal === undefined) expect(found).toEqual(kept)
      else expect(refusal).toMatchObject({ code: 'invalid_request' })
    })
  })
}

const otherThings: Collection<Thing> = { ...things, name: 'contract_other_things' }
const crowd: Collection<Thing> = {
  ...things,
  name: 'contract_crowd',
  indexes: { all: { keys: () => [''] }, name: { keys: ({ name }) => [name], deploymentWide: true } },
}

interface LaterThing extends Stored {
  readonly colour: string
}
const laterThings: Collection<LaterThing> = {
  name: things.name,
  schema: z.object({
    id: z.string(),
    organizationId: z.custom<Stored['organizationId']>(),
    version: z.int(),
    colour: z.string().default('none'),
  }),
  indexes: {},
}
const strictThings: Collection<LaterThing> = {
  ...laterThings,
  schema: z.object({
    id: z.string(),
    organizationId: z.custom<Stored['organizationId']>(),
    version: z.int(),
    colour: z.string(),
  }),
}

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen)
}

/** The ids of all pages of 1,000, one after the other. */
async function pages<T extends { readonly id: string }>(
  read: (page: Page) => Promise<readonly T[]>,
  order: 'oldest_first' | 'newest_first',
  cursor: (last: T) => string,
): Promise<readonly string[]> {
  const ids: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await read({ limit: 1_000, order, ...(after !== undefined && { after }) })
    ids.push(...page.map(({ id }) => id))
    const last = page.at(-1)
    if (last === undefined) return ids
    after = cursor(last)
  }
}
