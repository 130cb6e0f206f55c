import type { Commit } from '../audit/record.ts'
import { countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import type { Belongings } from './belongings.ts'
import { type Domain, domains } from './domain.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The domains that go with an organization: free for others from then on. */
export function domainBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'domains',
    count: (organizationId, max) =>
      countUpTo(records, organizationId, domains, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, domains, 'all', '', { limit: pageSize }),
        async ([first, ...others]) => {
          const removed = ({ id, name, state }: Domain) => {
            const details = { name, state: state.kind }
            return { type: 'domain.removed', organizationId, target: id, by, details } as const
          }
          await commit(
            [removed(first), ...others.map(removed)],
            [first, ...others].map((domain) => remove(domains, domain)),
          )
        },
      ),
  }
}
