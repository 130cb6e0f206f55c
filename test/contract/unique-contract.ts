import { expect, test } from 'vitest'
import { insert, remove, update } from '../../src/storage/ports.ts'
import { keptThings } from './kept-things.ts'
import type { Opened } from './opened.ts'
import { organization, type Thing, thing, things } from './things.ts'

const alreadyExists = { code: 'already_exists' }

export function uniqueIndex(it: Opened): void {
  const { inserted, stored, idsUnder } = keptThings(it)

  test('within an organization: of 20 at once one wins, and the error names the index', async () => {
    const own = organization(it.fresh())
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        it.store.commit([insert(things, thing(own, `t${i}`, { label: 'same' }))]),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ ...alreadyExists, data: { index: 'label' } })
    expect(await idsUnder(own, 'label', 'same')).toHaveLength(1)
    expect(await idsUnder(own, 'all', '')).toHaveLength(1)
  })

  test('within an organization: another organization has its own', async () => {
    const [own, other] = [organization(it.fresh()), organization(it.fresh())]
    await inserted(own, 'a', { label: 'same' })
    await inserted(other, 'a', { label: 'same' })
    expect(await idsUnder(other, 'label', 'same')).toEqual(['a'])
  })

  test('deployment-wide: of 20 organizations at once one wins, and the error names the index', async () => {
    const slug = it.fresh()
    const owners = Array.from({ length: 20 }, () => organization(it.fresh()))
    const outcomes = await Promise.allSettled(
      owners.map((own) => it.store.commit([insert(things, thing(own, 'a', { slug }))])),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ ...alreadyExists, data: { index: 'slug' } })
    const winner = owners.filter((_, i) => outcomes[i]?.status === 'fulfilled')
    expect(await it.store.records.locate(things, 'slug', slug, { limit: 10 })).toEqual(
      winner.map((organizationId) => ({ organizationId, id: 'a' })),
    )
  })

  test('of updates that take one key at once one wins', async () => {
    const own = organization(it.fresh())
    const all: Thing[] = []
    for (let i = 0; i < 10; i++) all.push(await inserted(own, `t${i}`))
    const outcomes = await Promise.allSettled(
      all.map((before) => it.store.commit([update(things, before, { ...before, label: 'wanted' })])),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await idsUnder(own, 'label', 'wanted')).toHaveLength(1)
  })

  test('is kept by an update of its own document', async () => {
    const own = organization(it.fresh())
    const before = await inserted(own, 'a', { label: 'x', slug: own })
    await it.store.commit([update(things, before, { ...before, count: 1 })])
    expect(await idsUnder(own, 'label', 'x')).toEqual(['a'])
    expect(await it.store.records.locate(things, 'slug', own, { limit: 2 })).toHaveLength(1)
  })

  test('is freed by an update and by a removal', async () => {
    const own = organization(it.fresh())
    const [first, second] = [it.fresh(), it.fresh()]
    const before = await inserted(own, 'a', { label: 'x', slug: first })
    await it.store.commit([update(things, before, { ...before, label: 'y', slug: second })])
    expect(await idsUnder(own, 'label', 'x')).toEqual([])
    await inserted(own, 'b', { label: 'x', slug: first })
    await it.store.commit([remove(things, await stored(own, 'a'))])
    await inserted(own, 'c', { label: 'y', slug: second })
    expect(await idsUnder(own, 'label', 'y')).toEqual(['c'])
  })

  test('lets a key pass from one document to another within one commit, in whatever order', async () => {
    const own = organization(it.fresh())
    const [a, b] = [await inserted(own, 'a', { label: 'x' }), await inserted(own, 'b', { label: 'y' })]
    await it.store.commit([update(things, a, { ...a, label: 'y' }), update(things, b, { ...b, label: 'x' })])
    expect(await idsUnder(own, 'label', 'x')).toEqual(['b'])
    expect(await idsUnder(own, 'label', 'y')).toEqual(['a'])
    await it.store.commit([
      insert(things, thing(own, 'c', { label: 'y' })),
      remove(things, await stored(own, 'a')),
    ])
    expect(await idsUnder(own, 'label', 'y')).toEqual(['c'])
  })

  test('breaks also between two documents of one commit', async () => {
    const own = organization(it.fresh())
    const both = [thing(own, 'a', { label: 'x' }), thing(own, 'b', { label: 'x' })] as const
    const changes = [insert(things, both[0]), insert(things, both[1])] as const
    await expect(it.store.commit(changes)).rejects.toMatchObject(alreadyExists)
    expect(await idsUnder(own, 'all', '')).toEqual([])
  })
}
