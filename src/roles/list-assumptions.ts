import { DomainError } from '../errors.ts'
import { type OrganizationId, parseId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import { cursorOf, type Page, type Records } from '../storage/ports.ts'
import { type Assumption, assumptions } from './assumption.ts'

/**
 * Those by which others take the organization's roles, in the order of making.
 * @throws {DomainError} `organization_not_found`
 */
export async function listAssumptions(
  records: Records,
  organizationId: OrganizationId,
  page: Page,
): Promise<readonly Assumption[]> {
  await getOrganization(records, organizationId)
  return await records.list(organizationId, assumptions, 'all', '', page)
}

/**
 * Those by which the organization takes roles of others.
 * @param page its cursor is what the page before answered
 * @throws {DomainError} `organization_not_found`, `invalid_request` (the cursor)
 */
export async function listReceivedAssumptions(
  records: Records,
  organizationId: OrganizationId,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<{ readonly items: readonly Assumption[]; readonly nextCursor: string | null }> {
  await getOrganization(records, organizationId)
  const after = cursor === undefined ? {} : { after: checkedCursor(cursor) }
  const places = await records.locate(assumptions, 'assuming', organizationId, { limit, ...after })
  const found = await Promise.all(
    places.map((place) => records.find(place.organizationId, assumptions, place.id)),
  )
  const last = places.at(-1)
  return {
    // One that is deleted between the two reads is not there any more.
    items: found.filter((assumption) => assumption !== undefined),
    nextCursor: last === undefined || places.length < limit ? null : cursorOf(last),
  }
}

function checkedCursor(cursor: string): string {
  const [organization = '', assumption = '', ...others] = cursor.split('/')
  const isCursor = parseId('org', organization) !== undefined && parseId('asm', assumption) !== undefined
  if (isCursor && others.length === 0) return cursor
  const detail = 'is not a next_cursor of this list'
  throw new DomainError('invalid_request', 'the query was refused', {
    faults: [{ pointer: '?cursor', detail }],
  })
}
