import { openSqlite } from '../../adapters/sqlite/open.ts'
import type { Clock } from '../clock.ts'
import type { StoreLocation } from '../config.ts'
import type { Store } from '../storage/ports.ts'

/** The only chooser of adapters. */
export async function openStore(location: StoreLocation, clock: Clock): Promise<Store> {
  switch (location.kind) {
    case 'sqlite':
      return openSqlite({ path: location.path, clock })
    case 'mongodb': {
      // Loaded where it is used: the driver is a tenth of a small server's memory and start.
      const { openMongo } = await import('../../adapters/mongodb/open.ts')
      return openMongo({ url: location.url, clock })
    }
    default:
      throw new Error(`unknown store: ${location satisfies never}`)
  }
}
