import type { Commit } from '../audit/record.ts'
import type { Belongings } from '../organizations/belongings.ts'
import { countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { type Connection, connections } from './connection.ts'
import { connectionTests } from './connection-test.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The connections that go with an organization, and their tests. */
export function connectionBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'connections',
    count: (organizationId, max) =>
      countUpTo(records, organizationId, connections, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, connections, 'all', '', { limit: pageSize }),
        async ([first, ...others]) => {
          const all = [first, ...others]
          const tests = await Promise.all(
            all.map(({ id }) => records.find(organizationId, connectionTests, id)),
          )
          const deleted = ({ id, name, issuer }: Connection) => {
            const details = { name, issuer }
            return { type: 'connection.deleted', organizationId, target: id, by, details } as const
          }
          await commit(
            [deleted(first), ...others.map(deleted)],
            [
              ...all.map((one) => remove(connections, one)),
              ...tests.filter((one) => one !== undefined).map((one) => remove(connectionTests, one)),
            ],
          )
        },
      ),
  }
}
