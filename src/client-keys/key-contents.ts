import type { Commit } from '../audit/record.ts'
import type { ServiceContents } from '../services/service-contents.ts'
import { countLocatedUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { clientKeys } from './client-key.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The keys that go with a service. Without it they are refused already, and their tokens have lost their signing key. */
export function keyContents({ records, commit }: Deps): ServiceContents {
  return {
    what: 'client keys',
    count: ({ id }, max) => countLocatedUpTo(records, clientKeys, { index: 'service', key: id, max }),
    tidy: (by, service) =>
      endInPages(
        () => records.locate(clientKeys, 'service', service.id, { limit: pageSize }),
        async (places) => {
          for (const { organizationId, id } of places) {
            const key = await records.find(organizationId, clientKeys, id)
            if (key === undefined) continue
            const details = { name: key.name, service: service.slug }
            await commit({ type: 'client_key.deleted', organizationId, target: id, by, details }, [
              remove(clientKeys, key),
            ])
          }
        },
      ),
  }
}
