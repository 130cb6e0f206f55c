import type { Commit } from '../audit/record.ts'
import type { Belongings } from '../organizations/belongings.ts'
import { countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { entitlements } from './entitlement.ts'
import { services } from './service.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The services that an organization owns: other organizations call them, so they are never taken along unseen. */
export function serviceBelongings({ records }: Pick<Deps, 'records'>): Belongings {
  return {
    kind: 'services',
    count: (organizationId, max) =>
      countUpTo(records, organizationId, services, { index: 'owner', key: '', max }),
    tidy: async () => {},
    removeFirst: 'delete the services that it owns first',
  }
}

/** What has been granted to an organization goes with it. */
export function entitlementBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'entitlements',
    count: (organizationId, max) =>
      countUpTo(records, organizationId, entitlements, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, entitlements, 'all', '', { limit: pageSize }),
        async (page) => {
          for (const entitlement of page) {
            await commit({ type: 'entitlement.changed', organizationId, target: entitlement.id, by }, [
              remove(entitlements, entitlement),
            ])
          }
        },
      ),
  }
}
