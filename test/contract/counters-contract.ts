import { expect, test } from 'vitest'
import type { Counter } from '../../src/storage/ports.ts'
import { opened } from './opened.ts'
import type { StoreKind } from './stores.ts'
import { organization } from './things.ts'

export function countersContract(kind: StoreKind): void {
  const it = opened(kind)

  test('additions add up, within a batch, between batches and from many at once', async () => {
    const own = organization(it.fresh())
    const one = { organizationId: own, name: 'tokens', windowAt: 1_000, count: 1 }
    await it.store.counters.record([one, { ...one, count: 2 }, { ...one, windowAt: 2_000, count: 5 }], [])
    await Promise.all(Array.from({ length: 40 }, () => it.store.counters.record([one], [])))
    expect(await it.store.counters.list(own, '', { limit: 10 })).toEqual([
      { name: 'tokens', windowAt: 2_000, count: 5 },
      { name: 'tokens', windowAt: 1_000, count: 43 },
    ])
  })

  test('of many that add to one at once, each is told another number; a negative one takes back', async () => {
    const own = organization(it.fresh())
    const one = { organizationId: own, name: 'tries', windowAt: 1_000, count: 1 }
    const numbers = Array.from({ length: 20 }, (_, i) => i + 1)
    // Many times: who makes the counter is a race of its own.
    for (let round = 0; round < 20; round++) {
      const fresh = { ...one, name: `tries/${round}` }
      const told = await Promise.all(numbers.map(() => it.store.counters.add(fresh)))
      expect(told.toSorted((a, b) => a - b)).toEqual(numbers)
    }
    await it.store.counters.add({ ...one, count: 20 })
    expect(await it.store.counters.add({ ...one, count: -5 })).toBe(15)
    expect(await it.store.counters.add({ ...one, windowAt: 2_000 })).toBe(1)
    expect(await it.store.counters.list(own, 'tries', { limit: 2 })).toMatchObject([
      { name: 'tries', count: 1 },
      { name: 'tries', count: 15 },
    ])
    for (const bad of [{ count: 0.5 }, { name: 'x'.repeat(501) }, { windowAt: Number.NaN }])
      await expect(it.store.counters.add({ ...one, ...bad })).rejects.toThrow()
  })

  test('a mark only goes forward, whatever the order of arrival', async () => {
    const own = organization(it.fresh())
    const mark = (name: string, at: number) => ({ organizationId: own, name, at })
    await it.store.counters.record([], [mark('key_1', 500), mark('key_1', 300), mark('key_2', 10)])
    await it.store.counters.record([], [mark('key_1', 400)])
    const times = Array.from({ length: 30 }, (_, i) => 1_000 + ((i * 7) % 30))
    await Promise.all(times.map((at) => it.store.counters.record([], [mark('key_2', at)])))
    const latest = await it.store.counters.latest(own, ['key_1', 'key_2', 'key_3'])
    expect([...latest]).toEqual([
      ['key_1', 500],
      ['key_2', 1_029],
    ])
    expect((await it.store.counters.latest(own, [])).size).toBe(0)
  })

  test('a batch is all or nothing: one bad entry, and none is counted', async () => {
    const own = organization(it.fresh())
    const good = { organizationId: own, name: 'n', windowAt: 1_000, count: 1 }
    const goodMark = { organizationId: own, name: 'n', at: 1 }
    const tooLong = 'x'.repeat(501)
    for (const bad of [
      { ...good, name: tooLong },
      { ...good, count: 0.5 },
      { ...good, count: -1 },
      { ...good, windowAt: Number.NaN },
    ])
      await expect(it.store.counters.record([good, bad], [goodMark])).rejects.toThrow()
    await expect(it.store.counters.record([good], [{ ...goodMark, name: tooLong }])).rejects.toThrow()
    await expect(it.store.counters.record([good, { ...good, name: '\ud800' }], [])).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(await it.store.counters.list(own, '', { limit: 10 })).toEqual([])
    expect((await it.store.counters.latest(own, ['n'])).size).toBe(0)
  })

  test('an empty batch is no error; a name of 500 characters is kept', async () => {
    const own = organization(it.fresh())
    await it.store.counters.record([], [])
    const name = 'é'.repeat(500)
    await it.store.counters.record([{ organizationId: own, name, windowAt: 0, count: 1 }], [])
    expect(await it.store.counters.list(own, name, { limit: 10 })).toEqual([{ name, windowAt: 0, count: 1 }])
  })

  test('are listed by the beginning of their names, taken literally, newest window first, then by name', async () => {
    const own = organization(it.fresh())
    const names = ['a.b', 'a.c', 'axb', 'a%', 'a_', 'a\u0000z', 'A.b', 'b', 'é', '\u{1F600}']
    const additions = names.flatMap((name) =>
      [1_000, 2_000].map((windowAt) => ({ organizationId: own, name, windowAt, count: 1 })),
    )
    await it.store.counters.record(additions, [])
    const listed = async (prefix: string) =>
      (await it.store.counters.list(own, prefix, { limit: 100 })).map(({ windowAt, name }) => [
        windowAt,
        name,
      ])
    expect(await listed('a.')).toEqual([
      [2_000, 'a.b'],
      [2_000, 'a.c'],
      [1_000, 'a.b'],
      [1_000, 'a.c'],
    ])
    for (const prefix of ['a%', 'a_', 'a\u0000', 'é', '\u{1F600}', 'A'])
      expect((await listed(prefix)).map(([windowAt]) => windowAt)).toEqual([2_000, 1_000])
    expect(await listed('')).toHaveLength(20)
    expect(await listed('zzz')).toEqual([])
  })

  test('are listed in pages, each once', async () => {
    const own = organization(it.fresh())
    const names = Array.from({ length: 30 }, (_, i) => `n${String(i).padStart(2, '0')}`)
    const windows = [3_000, 2_000, 1_000]
    const expected = windows.flatMap((windowAt) => names.map((name) => ({ name, windowAt, count: 1 })))
    const additions = expected.map((counter) => ({ ...counter, organizationId: own }))
    await it.store.counters.record(additions.toReversed(), [])
    const seen: Counter[] = []
    for (let after: Counter | undefined; ; ) {
      const page = await it.store.counters.list(own, 'n', { limit: 7, ...(after !== undefined && { after }) })
      seen.push(...page)
      after = page.at(-1)
      if (after === undefined) break
    }
    expect(seen).toEqual(expected)
    for (const limit of [0, 1001, 2.5])
      await expect(it.store.counters.list(own, '', { limit })).rejects.toMatchObject({
        code: 'invalid_request',
      })
  })

  test('no organization sees or raises another’s', async () => {
    const [own, other] = [organization(it.fresh()), organization(it.fresh())]
    const addition = { name: 'n', windowAt: 1_000, count: 1 }
    await it.store.counters.record(
      [{ ...addition, organizationId: own }],
      [{ organizationId: own, name: 'n', at: 5 }],
    )
    expect(await it.store.counters.list(other, '', { limit: 10 })).toEqual([])
    expect((await it.store.counters.latest(other, ['n'])).size).toBe(0)
    await it.store.counters.record([{ ...addition, organizationId: other, count: 9 }], [])
    expect(await it.store.counters.list(own, '', { limit: 10 })).toEqual([addition])
  })

  test('forget deletes windows that began before, says how many, and keeps marks', async () => {
    const own = organization(it.fresh())
    // Far in the past: other tests' windows are not counted.
    const windows = Array.from({ length: 2_500 }, (_, i) => i - 1_000_000)
    const additions = windows.map((windowAt) => ({ organizationId: own, name: 'n', windowAt, count: 1 }))
    await it.store.counters.record(additions, [{ organizationId: own, name: 'n', at: 1 }])
    expect(await it.store.counters.forget(-1_000_000 + 2_400)).toBe(2_400)
    expect(await it.store.counters.list(own, 'n', { limit: 1_000 })).toHaveLength(100)
    expect(await it.store.counters.forget(-1_000_000 + 2_400)).toBe(0)
    expect((await it.store.counters.latest(own, ['n'])).get('n')).toBe(1)
  })

  test('forget keeps what does not begin as it is told, taken literally', async () => {
    const own = organization(it.fresh())
    const names = ['tries/a', 'tries/é', 'tries', 'TRIES/a', 'tries%', 'tokens']
    const additions = names.map((name) => ({ organizationId: own, name, windowAt: -2_000_000, count: 1 }))
    await it.store.counters.record(additions, [])
    expect(await it.store.counters.forget(-1_999_999, 'tries/')).toBe(2)
    const kept = (await it.store.counters.list(own, '', { limit: 10 })).map(({ name }) => name)
    expect(kept.toSorted()).toEqual(['TRIES/a', 'tokens', 'tries', 'tries%'])
  })
}
