import type { Commit } from '../audit/record.ts'
import type { Belongings } from '../organizations/belongings.ts'
import { countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { endLinks } from './one-time-link.ts'
import { type User, users } from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The users that go with an organization. Its tokens are dead already, so none needs an entry of its own. */
export function userBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'users',
    count: (organizationId, max) => countUpTo(records, organizationId, users, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, users, 'all', '', { limit: pageSize }),
        async ([first, ...others]) => {
          const deleted = ({ id, email }: User) =>
            ({ type: 'user.deleted', organizationId, target: id, by, details: { email } }) as const
          const page = [first, ...others]
          const links = await Promise.all(page.map((user) => endLinks(records, user)))
          await commit(
            [deleted(first), ...others.map(deleted)],
            [...page.map((user) => remove(users, user)), ...links.flat()],
          )
        },
      ),
  }
}
