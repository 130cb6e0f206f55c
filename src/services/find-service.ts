import { DomainError } from '../errors.ts'
import { parseId } from '../ids.ts'
import type { Records } from '../storage/ports.ts'
import { type Service, services } from './service.ts'

/** Finds a service by its id or its slug, whoever owns it. Both indexes are unique, so that one look-up tells. */
export async function findService(records: Records, idOrSlug: string): Promise<Service | undefined> {
  return await findBy(records, parseId('svc', idOrSlug) === undefined ? 'slug' : 'id', idOrSlug)
}

/** Finds a service by its slug alone, as it stands in paths of issuers and guards. */
export async function findServiceBySlug(records: Records, slug: string): Promise<Service | undefined> {
  return await findBy(records, 'slug', slug)
}

async function findBy(records: Records, index: 'id' | 'slug', key: string): Promise<Service | undefined> {
  const [place] = await records.locate(services, index, key, { limit: 1 })
  return place && (await records.find(place.organizationId, services, place.id))
}

/** @throws {DomainError} `service_not_found` */
export async function getService(records: Records, idOrSlug: string): Promise<Service> {
  const service = await findService(records, idOrSlug)
  if (service === undefined) throw serviceNotFound(idOrSlug)
  return service
}

/** One answer, whether there is none or nothing may be known of it. */
export function serviceNotFound(idOrSlug: string): DomainError {
  return new DomainError('service_not_found', `no service ${idOrSlug}`)
}
