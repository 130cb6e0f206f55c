import { hasCode } from '../errors.ts'
import type { ServiceId } from '../ids.ts'
import { services } from '../services/service.ts'
import { locatedInPages } from '../storage/in-pages.ts'
import { type CommitChanges, cursorOf, type Records, type Reference, update } from '../storage/ports.ts'
import { type Resource, resources, sharedKey, sharedWith } from './resource.ts'

interface Deps {
  /** Not the cached ones: each resource is looked at once. */
  readonly records: Records
  /** Without an audit event: what is listed anew says the same as before. */
  readonly commit: CommitChanges
}

type Place = Pick<Reference<Resource>, 'organizationId'> & { readonly id: string }

const pageSize = 500

/**
 * Before 0.4.0 resources were not listed under the organizations that they are shared with, so that those were not told of
 * them by lists of what they may reach. Lists those that are not, of all that there are when it begins.
 */
export async function listAllShared(deps: Deps): Promise<void> {
  const located = locatedInPages((page) => deps.records.locate(services, 'all', '', page), pageSize)
  for await (const places of located) for (const service of places) await listAllSharedOf(deps, service.id)
}

async function listAllSharedOf(deps: Deps, serviceId: ServiceId): Promise<void> {
  const { records } = deps
  const located = locatedInPages((page) => records.locate(resources, 'service', serviceId, page), pageSize)
  for await (const places of located) await listShared(deps, places)
}

/**
 * Lists those of the resources that are shared and not listed so. One that is changed meanwhile is left to whoever reads of
 * that in the feed of changes.
 */
export async function listShared({ records, commit }: Deps, places: readonly Place[]): Promise<void> {
  const found = await Promise.all(places.map((place) => unlistedAt(records, place)))
  // A store lists what is written under all that it is listed under now.
  const [first, ...others] = found.flatMap((one) => (one === undefined ? [] : [update(resources, one, one)]))
  if (first === undefined) return
  try {
    await commit([first, ...others])
  } catch (cause) {
    if (!hasCode(cause, 'conflict')) throw cause
    if (others.length > 0)
      for (const { before } of [first, ...others]) await listShared({ records, commit }, [before])
  }
}

/** The resource, if it is shared and not listed under somebody that it is shared with. */
async function unlistedAt(records: Records, { organizationId, id }: Place): Promise<Resource | undefined> {
  // Sound: the id of a document of this collection.
  const resource = await records.find(organizationId, resources, id as Resource['id'])
  if (resource === undefined) return undefined
  for (const organization of sharedWith(resource.tags))
    if (!(await isListed(records, resource, organization))) return resource
  return undefined
}

/** So many ids differ in nothing but their last character, which is one of 32. */
const siblingsMax = 32

async function isListed(
  records: Records,
  { serviceId, organizationId, id }: Resource,
  organization: string,
): Promise<boolean> {
  const before = cursorOf({ organizationId, id: id.slice(0, -1) })
  const page = { limit: siblingsMax, after: before }
  const next = await records.locate(resources, 'shared', sharedKey(serviceId, organization), page)
  return next.some((one) => one.organizationId === organizationId && one.id === id)
}
