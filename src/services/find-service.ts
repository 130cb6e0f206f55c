import { DomainError } from '../errors.ts'
import { parseId, type ServiceId } from '../ids.ts'
import type { Records } from '../storage/ports.ts'
import { type Service, services } from './service.ts'

/** Finds a service by its id or its slug, whoever owns it. Both indexes are unique, so that one look-up tells. */
export async function findService(records: Records, idOrSlug: string): Promise<Service | undefined> {
  const index = parseId('svc', idOrSlug) === undefined ? 'slug' : 'id'
  const [reference] = await records.locate(services, index, idOrSlug, { limit: 1 })
  if (reference === undefined) return undefined
  return records.find(reference.organizationId, services, reference.id as ServiceId)
}

/** @throws {DomainError} `service_not_found` */
export async function getService(records: Records, idOrSlug: string): Promise<Service> {
  const service = await findService(records, idOrSlug)
  if (service === undefined) throw new DomainError('service_not_found', `no service ${idOrSlug}`)
  return service
}
