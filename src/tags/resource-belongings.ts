import type { Actor, Commit } from '../audit/record.ts'
import type { OrganizationId } from '../ids.ts'
import type { Belongings } from '../organizations/belongings.ts'
import { findService } from '../services/find-service.ts'
import type { Service } from '../services/service.ts'
import type { ServiceContents } from '../services/service-contents.ts'
import { countLocatedUpTo, countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { happening } from './register-resources.ts'
import { type Resource, resources } from './resource.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 500

/** The resources that go with an organization. */
export function resourceBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'resources',
    count: (organizationId, max) =>
      countUpTo(records, organizationId, resources, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, resources, 'all', '', { limit: pageSize }),
        async (page) => {
          for (const [serviceId, own] of Map.groupBy(page, (one) => one.serviceId)) {
            const service = await findService(records, serviceId)
            await removed({ commit }, by, service ?? { id: serviceId, slug: serviceId }, organizationId, own)
          }
        },
      ),
  }
}

/** The resources that go with a service. */
export function resourceContents({ records, commit }: Deps): ServiceContents {
  return {
    what: 'resources',
    count: ({ id }, max) => countLocatedUpTo(records, resources, { index: 'service', key: id, max }),
    tidy: (by, service) =>
      endInPages(
        () => records.locate(resources, 'service', service.id, { limit: pageSize }),
        async (places) => {
          const found = await Promise.all(
            places.map(({ organizationId, id }) => records.find(organizationId, resources, id)),
          )
          const present = found.filter((one) => one !== undefined)
          for (const [organizationId, own] of Map.groupBy(present, (one) => one.organizationId))
            await removed({ commit }, by, service, organizationId, own)
        },
      ),
  }
}

async function removed(
  { commit }: Pick<Deps, 'commit'>,
  by: Actor,
  service: Pick<Service, 'id' | 'slug'>,
  organizationId: OrganizationId,
  page: readonly Resource[],
): Promise<void> {
  await commit(
    happening('resource.removed', service, by, organizationId, page),
    page.map((resource) => remove(resources, resource)),
  )
}
