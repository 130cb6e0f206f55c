import type { Commit } from '../audit/record.ts'
import type { ServiceContents } from '../services/service-contents.ts'
import { countLocatedUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, update } from '../storage/ports.ts'
import { users } from './user.ts'
import { withoutRoles } from './user-holders.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The roles of users on a service go with it; the users stay. Its tokens have lost their signing key already. */
export function userContents({ records, commit }: Deps): ServiceContents {
  return {
    what: 'users with roles there',
    count: ({ id }, max) => countLocatedUpTo(records, users, { index: 'service', key: id, max }),
    tidy: (by, service) =>
      endInPages(
        () => records.locate(users, 'service', service.id, { limit: pageSize }),
        async (places) => {
          for (const { organizationId, id } of places) {
            const before = await records.find(organizationId, users, id)
            if (before === undefined) continue
            const after = withoutRoles(before, ({ serviceId }) => serviceId === service.id)
            const details = { from: before.roles, to: after.roles, service: service.slug }
            await commit({ type: 'user.roles_changed', organizationId, target: id, by, details }, [
              update(users, before, after),
            ])
          }
        },
      ),
  }
}
