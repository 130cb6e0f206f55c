import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import { getService } from '../services/find-service.ts'
import type { Page, Records } from '../storage/ports.ts'
import { nameOf } from './named-resource.ts'
import { findResource, type Resource, resources, tagKey } from './resource.ts'

export interface ResourceFilter {
  /** A service's id or slug. */
  readonly service?: string | undefined
  /** One tag with one value, `env=dev`; with a service alone. */
  readonly tag?: string | undefined
  /** One resource, as requests name it; with a service alone. */
  readonly path?: string | undefined
  readonly namespace?: string | undefined
}

/**
 * The resources of an organization, a page of them.
 * @throws {DomainError} `organization_not_found`, `service_not_found`, `invalid_request`
 */
export async function listResources(
  records: Records,
  organizationId: OrganizationId,
  { service: idOrSlug, tag, path, namespace }: ResourceFilter,
  page: Page,
): Promise<readonly Resource[]> {
  await getOrganization(records, organizationId)
  if (idOrSlug === undefined) {
    if (tag === undefined && path === undefined)
      return records.list(organizationId, resources, 'all', '', page)
    throw refused('?service', 'is missing: tags and paths are looked for on one service')
  }
  const service = await getService(records, idOrSlug)
  if (path !== undefined) {
    const name = nameOf(service.model, { path, namespace }, organizationId)
    const found = page.after === undefined ? await findResource(records, service.id, name) : undefined
    return found?.organizationId === organizationId ? [found] : []
  }
  if (tag === undefined) return records.list(organizationId, resources, 'service', service.id, page)
  const cut = tag.indexOf('=')
  if (cut < 1) throw refused('?tag', 'is not key=value')
  const key = tagKey(service.id, tag.slice(0, cut), tag.slice(cut + 1))
  return records.list(organizationId, resources, 'tag', key, page)
}

function refused(pointer: string, detail: string): DomainError {
  return new DomainError('invalid_request', `${pointer.slice(1)} ${detail}`, {
    faults: [{ pointer, detail }],
  })
}
