import { openMongo } from '../../adapters/mongodb/open.ts'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import type { Clock } from '../../src/clock.ts'
import type { Store } from '../../src/storage/ports.ts'

/** Opens the store at an address as `LATCHKEY_STORE` has it; what a test and the processes that it starts share. */
export async function openAt(address: string, clock: Clock): Promise<Store> {
  if (address.startsWith('sqlite:')) return openSqlite({ path: address.slice('sqlite:'.length), clock })
  if (address.startsWith('mongodb')) return openMongo({ url: address, clock })
  throw new Error(`no store is known for the address ${address}`)
}
