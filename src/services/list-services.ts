import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import { cursorOf, type Records } from '../storage/ports.ts'
import { entitledRoles, entitlements } from './entitlement.ts'
import { type Service, services } from './service.ts'
import type { Entitled } from './set-entitlement.ts'

export interface ListOf<T> {
  readonly items: readonly T[]
  /** Where to go on; `null` at the end. */
  readonly nextCursor: string | null
}

interface ListPage {
  readonly limit: number
  readonly cursor?: string | undefined
}

/** All services of the deployment, whoever owns them. */
export async function listServices(records: Records, { limit, cursor }: ListPage): Promise<ListOf<Service>> {
  const after = cursor === undefined ? {} : { after: checkedCursor(cursor) }
  const references = await records.locate(services, 'all', '', { limit, ...after })
  const found = await Promise.all(
    references.map(({ organizationId, id }) => records.find(organizationId, services, id)),
  )
  const last = references.at(-1)
  return {
    // One that is deleted between the two reads is not there any more.
    items: found.filter((service) => service !== undefined),
    nextCursor: last === undefined || references.length < limit ? null : cursorOf(last),
  }
}

/**
 * The services of which an organization may use something. A page may be short, as those it may not use are left out.
 * @throws {DomainError} `organization_not_found`
 */
export async function listUsableServices(
  records: Records,
  organizationId: OrganizationId,
  page: ListPage,
): Promise<ListOf<Entitled>> {
  const organization = await getOrganization(records, organizationId)
  const { items, nextCursor } = await listServices(records, page)
  const entitled = items.map(async (service): Promise<Entitled> => {
    const entitlement = await records.find(organizationId, entitlements, service.id)
    const roles = entitledRoles(service.model, organization, entitlement)
    return { organization, service, entitlement, roles }
  })
  return { items: (await Promise.all(entitled)).filter(({ roles }) => roles.length > 0), nextCursor }
}

function checkedCursor(cursor: string): string {
  if (/^org_[0-9a-z]{26}\/svc_[0-9a-z]{26}$/.test(cursor)) return cursor
  const detail = 'not a cursor of this list'
  throw new DomainError('invalid_request', detail, { faults: [{ pointer: '?cursor', detail }] })
}

/** A part of a list that is in memory: the cursor is the place of the first item. */
export function pageOf<T>(all: readonly T[], { limit, cursor }: ListPage): ListOf<T> {
  const start = cursor === undefined ? 0 : Number(cursor)
  if (!Number.isSafeInteger(start) || start < 0 || !/^\d*$/.test(cursor ?? '')) {
    const detail = 'not a cursor of this list'
    throw new DomainError('invalid_request', detail, { faults: [{ pointer: '?cursor', detail }] })
  }
  const end = start + limit
  return { items: all.slice(start, end), nextCursor: end < all.length ? String(end) : null }
}
