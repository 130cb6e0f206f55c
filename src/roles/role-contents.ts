import type { Commit } from '../audit/record.ts'
import type { ServiceContents } from '../services/service-contents.ts'
import { countLocatedUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { roles } from './role.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The organization-defined roles that go with a service; nothing decides by them any more. */
export function roleContents({ records, commit }: Deps): ServiceContents {
  return {
    what: 'organization-defined roles',
    count: ({ id }, max) => countLocatedUpTo(records, roles, { index: 'service', key: id, max }),
    tidy: (by, service) =>
      endInPages(
        () => records.locate(roles, 'service', service.id, { limit: pageSize }),
        async (places) => {
          for (const { organizationId, id } of places) {
            const role = await records.find(organizationId, roles, id)
            if (role === undefined) continue
            const details = { name: role.name, service: service.slug }
            await commit({ type: 'role.deleted', organizationId, target: id, by, details }, [
              remove(roles, role),
            ])
          }
        },
      ),
  }
}
