import type { Commit } from '../audit/record.ts'
import type { Belongings } from '../organizations/belongings.ts'
import { countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { type Role, roles } from './role.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The roles that go with an organization. Its tokens are dead already, so none needs an entry of its own. */
export function roleBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'roles',
    count: (organizationId, max) => countUpTo(records, organizationId, roles, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, roles, 'all', '', { limit: pageSize }),
        async ([first, ...others]) => {
          const deleted = ({ id, name }: Role) =>
            ({ type: 'role.deleted', organizationId, target: id, by, details: { name } }) as const
          await commit(
            [deleted(first), ...others.map(deleted)],
            [first, ...others].map((role) => remove(roles, role)),
          )
        },
      ),
  }
}
