import type { GuardSource } from '../sdk/guard-source.ts'
import { findServiceBySlug } from '../services/find-service.ts'
import { managementSlug } from '../services/management-service.ts'
import { type ServiceSourceDeps, serviceSource } from './service-source.ts'

/** What the guard of the management API decides by. */
export function managementSource(deps: ServiceSourceDeps): GuardSource {
  return serviceSource(deps, async () => {
    const service = await findServiceBySlug(deps.records, managementSlug)
    if (service === undefined) throw new Error('the service latchkey is not in the store')
    return service
  })
}
