import { foldTag } from '../evaluator/where/fold-tag.ts'
import type { OrganizationId, ServiceId } from '../ids.ts'
import { locatedInPages } from '../storage/in-pages.ts'
import type { Records } from '../storage/ports.ts'
import { anyone, type Resource, resources, sharedKey, sharedWith } from './resource.ts'

/** One step of the walk. */
export interface Step {
  /** Where the walk goes on after it. */
  readonly cursor: string
  /** Absent: it was removed meanwhile, or the walk has come by it already. */
  readonly resource: Resource | undefined
}

interface Walk {
  readonly serviceId: ServiceId
  readonly organizationId: OrganizationId
  /** The service's owner lets organizations share with anyone. */
  readonly isSharedWithAnyone: boolean
}

/** How an organization comes to see a resource: it owns it, it was named by an access tag, or anyone was. */
const stretches = ['owned', 'shared', 'anyone'] as const
/** So many are read at once. */
const readAtOnce = 100

/** `owned.res_…`, `shared.org_….res_…`. */
export const walkCursor = /^(?:owned|(?:shared|anyone)\.org_[0-9a-z]{26})\.res_[0-9a-z]{26}$/

/**
 * The resources of a service that an organization owns, then those that others share with it: each once, in the order of
 * ids, and never one that is neither; as many at once as are read at once. One that comes meanwhile may be passed over.
 * @param after a cursor, which fits `walkCursor`
 */
export async function* walkResources(
  records: Records,
  { serviceId, organizationId, isSharedWithAnyone }: Walk,
  after?: string,
): AsyncGenerator<readonly Step[]> {
  const begin = stretches.find((one) => after?.startsWith(`${one}.`) === true) ?? 'owned'
  const own = foldTag(organizationId)
  for (const stretch of stretches.slice(stretches.indexOf(begin))) {
    const from = stretch === begin ? after?.split('.').slice(1).join('/') : undefined
    switch (stretch) {
      case 'owned':
        yield* owned(records, { serviceId, organizationId }, from)
        break
      case 'shared':
        yield* located(
          records,
          stretch,
          sharedKey(serviceId, own),
          from,
          (one) => one.organizationId !== organizationId,
        )
        break
      case 'anyone':
        if (isSharedWithAnyone)
          yield* located(
            records,
            stretch,
            sharedKey(serviceId, anyone),
            from,
            (one) => one.organizationId !== organizationId && !sharedWith(one.tags).includes(own),
          )
        break
      default:
        throw new Error(`unknown stretch: ${stretch satisfies never}`)
    }
  }
}

async function* owned(
  records: Records,
  { serviceId, organizationId }: Pick<Walk, 'serviceId' | 'organizationId'>,
  from: string | undefined,
): AsyncGenerator<readonly Step[]> {
  let after = from
  for (;;) {
    const page = { limit: readAtOnce, ...(after === undefined ? {} : { after }) }
    const found = await records.list(organizationId, resources, 'service', serviceId, page)
    yield found.map((resource) => ({ cursor: `owned.${resource.id}`, resource }))
    if (found.length < readAtOnce) return
    after = found.at(-1)?.id
  }
}

async function* located(
  records: Records,
  stretch: 'shared' | 'anyone',
  key: string,
  from: string | undefined,
  isNew: (resource: Resource) => boolean,
): AsyncGenerator<readonly Step[]> {
  const shared = locatedInPages((page) => records.locate(resources, 'shared', key, page), readAtOnce, from)
  for await (const places of shared) {
    const found = await Promise.all(
      places.map((place) => records.find(place.organizationId, resources, place.id)),
    )
    yield places.map(({ organizationId, id }, i) => {
      const resource = found[i]
      const isSeen = resource === undefined || !isNew(resource)
      return { cursor: `${stretch}.${organizationId}.${id}`, resource: isSeen ? undefined : resource }
    })
  }
}
