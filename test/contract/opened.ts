import { afterAll, beforeAll } from 'vitest'
import type { Store } from '../../src/storage/ports.ts'
import { openAt } from './open-at.ts'
import type { Place, StoreKind } from './stores.ts'

/** A store for the tests of one `describe`, which share it: each works in organizations of its own. */
export interface Opened {
  readonly place: Place
  readonly store: Store
  /** What the store's clock says; a test may move it forward. */
  nowMs: number
  /** A name that no other test of this store has. */
  fresh(): string
}

/** A server may hold what a killed process had locked for a minute. */
const dropTimeoutMs = 180_000

/** Registers that the store is opened before the tests of the `describe` that it is called in, and dropped after them. */
export function opened(kind: StoreKind): Opened {
  let place: Place | undefined
  let store: Store | undefined
  let names = 0
  const it: Opened = {
    nowMs: Date.parse('2030-01-01T12:00:00Z'),
    fresh: () => `f${++names}`,
    get place() {
      if (place === undefined) throw new Error('the place is made before the first test, not earlier')
      return place
    },
    get store() {
      if (store === undefined) throw new Error('the store is opened before the first test, not earlier')
      return store
    },
  }
  beforeAll(async () => {
    place = await kind.newPlace()
    store = await openAt(place.address, () => it.nowMs)
  })
  afterAll(async () => {
    await store?.close()
    await place?.drop()
  }, dropTimeoutMs)
  return it
}
