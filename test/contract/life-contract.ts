import { describe, expect, test } from 'vitest'
import { insert, type Store } from '../../src/storage/ports.ts'
import { openAt } from './open-at.ts'
import { opened } from './opened.ts'
import type { StoreKind } from './stores.ts'
import { entries, entry, organization, service, thing, things } from './things.ts'

const clock = () => Date.parse('2030-01-01T12:00:00Z')
const own = organization('own')
const api = service('api')

/** Every method that asks the database, by its name. */
const methods: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
  ['records.find', ({ records }) => records.find(own, things, 'a')],
  ['records.list', ({ records }) => records.list(own, things, 'all', '', { limit: 1 })],
  ['records.locate', ({ records }) => records.locate(things, 'name', 'x', { limit: 1 })],
  ['commit', ({ commit }) => commit([insert(things, thing(own, 'new'))])],
  ['artifacts.upsert', ({ artifacts }) => artifacts.upsert(api, 'Code', { id: 'a', payload: 'x' })],
  ['artifacts.find', ({ artifacts }) => artifacts.find(api, 'Code', 'a')],
  ['artifacts.findByUid', ({ artifacts }) => artifacts.findByUid(api, 'Code', 'a')],
  ['artifacts.findByUserCode', ({ artifacts }) => artifacts.findByUserCode(api, 'Code', 'a')],
  ['artifacts.consume', ({ artifacts }) => artifacts.consume(api, 'Code', 'a')],
  ['artifacts.destroy', ({ artifacts }) => artifacts.destroy(api, 'Code', 'a')],
  ['artifacts.destroyByGrant', ({ artifacts }) => artifacts.destroyByGrant(api, 'g')],
  ['artifacts.listByAccount', ({ artifacts }) => artifacts.listByAccount(api, 'Code', 'x', { limit: 1 })],
  ['artifacts.destroyByAccount', ({ artifacts }) => artifacts.destroyByAccount(api, 'x')],
  ['counters.record', ({ counters }) => counters.record([], [{ organizationId: own, name: 'n', at: 1 }])],
  ['counters.list', ({ counters }) => counters.list(own, '', { limit: 1 })],
  ['counters.latest', ({ counters }) => counters.latest(own, ['n'])],
  ['counters.forget', ({ counters }) => counters.forget(0)],
  ['changes.head', ({ changes }) => changes.head()],
  ['changes.read', ({ changes }) => changes.read(0, 1)],
  ['ping', (store) => store.ping()],
  ['sweep', (store) => store.sweep()],
]

export function lifeContract(kind: StoreKind): void {
  const it = opened(kind)

  test.each(methods)('%s answers while the store is open', async (_, call) => {
    await call(it.store)
  })

  describe('a closed store', () => {
    test.each(methods)('%s throws store_unavailable', async (_, call) => {
      const place = await kind.newPlace()
      const store = await openAt(place.address, clock)
      await store.close()
      await expect(call(store)).rejects.toMatchObject({ code: 'store_unavailable' })
      await place.drop()
    })

    test('may be closed again', async () => {
      const place = await kind.newPlace()
      const store = await openAt(place.address, clock)
      await Promise.all([store.close(), store.close()])
      await store.close()
      await place.drop()
    })
  })

  test('close finishes the writes under way', async () => {
    const place = await kind.newPlace()
    const store = await openAt(place.address, clock)
    const writes = Array.from({ length: 20 }, (_, i) => store.commit([insert(entries, entry(own, `e${i}`))]))
    const closed = store.close()
    await Promise.all(writes)
    await closed
    if (kind.isShared) {
      const again = await openAt(place.address, clock)
      expect(await again.records.list(own, entries, 'all', '', { limit: 100 })).toHaveLength(20)
      await again.close()
    }
    await place.drop()
  })

  test.runIf(kind.isShared)('what was kept is there when the store is opened again', async () => {
    const place = await kind.newPlace()
    const store = await openAt(place.address, clock)
    await store.commit([insert(things, thing(own, 'a', { label: 'x' }))])
    await store.artifacts.upsert(api, 'Code', { id: 'a', payload: 'x' })
    await store.counters.record([{ organizationId: own, name: 'n', windowAt: 0, count: 3 }], [])
    const head = await store.changes.head()
    await store.close()

    const again = await openAt(place.address, clock)
    expect((await again.records.find(own, things, 'a'))?.label).toBe('x')
    expect(await again.artifacts.consume(api, 'Code', 'a')).toBe(true)
    expect(await again.counters.list(own, 'n', { limit: 1 })).toEqual([{ name: 'n', windowAt: 0, count: 3 }])
    expect(await again.changes.head()).toBe(head)
    await again.close()
    await place.drop()
  })

  test.runIf(kind.isShared)(
    'a store of a newer version is refused, says what to do, and is left as it is',
    async () => {
      const place = await kind.newPlace()
      const store = await openAt(place.address, clock)
      await store.close()
      await place.makeNewer()
      for (let attempt = 0; attempt < 2; attempt++)
        await expect(openAt(place.address, clock)).rejects.toThrow(/newer.*(start|restore)/is)
      await place.drop()
    },
  )
}
