import type { OrganizationId } from '../../src/ids.ts'
import { insert } from '../../src/storage/ports.ts'
import type { Opened } from './opened.ts'
import { type Thing, thing, things } from './things.ts'

/** Keeps things in the store, and looks at those kept. */
export function keptThings(it: Opened) {
  async function inserted(own: OrganizationId, id: string, more: Partial<Thing> = {}): Promise<Thing> {
    await it.store.commit([insert(things, thing(own, id, more))])
    return stored(own, id)
  }

  async function stored(own: OrganizationId, id: string): Promise<Thing> {
    const found = await it.store.records.find(own, things, id)
    if (found === undefined) throw new Error(`${id} is not in the store`)
    return found
  }

  async function idsUnder(own: OrganizationId, index: string, key: string): Promise<readonly string[]> {
    return (await it.store.records.list(own, things, index, key, { limit: 100 })).map(({ id }) => id)
  }

  return { inserted, stored, idsUnder }
}
