import type { OrganizationId } from '../ids.ts'
import { cursorOf, type Page, type Records } from '../storage/ports.ts'
import { type Organization, organizations } from './organization.ts'

/** In the order of making; only the operator may ask. */
export async function listOrganizations(
  records: Records,
  { limit, after }: { readonly limit: number; readonly after?: OrganizationId | undefined },
): Promise<readonly Organization[]> {
  const page: Page =
    after === undefined ? { limit } : { limit, after: cursorOf({ organizationId: after, id: after }) }
  const places = await records.locate(organizations, 'all', '', page)
  const found = await Promise.all(
    places.map((place) => records.find(place.organizationId, organizations, place.id)),
  )
  return found.filter((organization) => organization !== undefined)
}
