import type { Commit } from '../audit/record.ts'
import type { ServiceContents } from '../services/service-contents.ts'
import { countLocatedUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, update } from '../storage/ports.ts'
import { connections } from './connection.ts'
import { withoutRoles } from './connection-holders.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** What mappings give on a service goes with it; the connections stay. */
export function connectionContents({ records, commit }: Deps): ServiceContents {
  return {
    what: 'connections that give roles there',
    count: ({ id }, max) => countLocatedUpTo(records, connections, { index: 'service', key: id, max }),
    tidy: (by, service) =>
      endInPages(
        () => records.locate(connections, 'service', service.id, { limit: pageSize }),
        async (places) => {
          for (const { organizationId, id } of places) {
            const before = await records.find(organizationId, connections, id)
            if (before === undefined) continue
            const after = withoutRoles(before, ({ serviceId }) => serviceId === service.id)
            const details = { from: before.mapping, to: after.mapping, service: service.slug }
            await commit({ type: 'connection.changed', organizationId, target: id, by, details }, [
              update(connections, before, after),
            ])
          }
        },
      ),
  }
}
