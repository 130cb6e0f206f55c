import type { Commit } from '../audit/record.ts'
import type { Belongings } from '../organizations/belongings.ts'
import { countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { type ClientKey, clientKeys } from './client-key.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The keys that go with an organization. Its tokens are dead already, so none needs an entry of its own. */
export function keyBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'client_keys',
    count: (organizationId, max) =>
      countUpTo(records, organizationId, clientKeys, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, clientKeys, 'all', '', { limit: pageSize }),
        async ([first, ...others]) => {
          const deleted = ({ id, name }: ClientKey) =>
            ({ type: 'client_key.deleted', organizationId, target: id, by, details: { name } }) as const
          await commit(
            [deleted(first), ...others.map(deleted)],
            [first, ...others].map((key) => remove(clientKeys, key)),
          )
        },
      ),
  }
}
