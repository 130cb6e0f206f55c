import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { getOrganization, type Organization } from '../organizations/organization.ts'
import { entitledRoles, entitlements } from '../services/entitlement.ts'
import { findService } from '../services/find-service.ts'
import { operationsOf } from '../services/operations-of.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'

/** What an organization has on a service: the ground on which anything is given there. */
export interface Ground {
  readonly organization: Organization
  readonly service: Service
  /** The service-defined roles that the organization may use, by name. */
  readonly entitled: readonly string[]
  /** The operations that these give together. */
  readonly operations: ReadonlySet<string>
}

/**
 * @param pointer where in the body the service was named
 * @throws {DomainError} `organization_not_found`; `service_not_found` with the pointer
 */
export async function groundOf(
  records: Records,
  organizationId: OrganizationId,
  serviceNamed: string,
  pointer = '/service',
): Promise<Ground> {
  const [organization, service] = await Promise.all([
    getOrganization(records, organizationId),
    findService(records, serviceNamed),
  ])
  if (service === undefined)
    throw new DomainError('service_not_found', 'no such service', {
      faults: [{ pointer, detail: 'names no service', fix: 'give its id (svc_…) or its slug' }],
    })
  const entitlement = await records.find(organizationId, entitlements, service.id)
  const entitled = entitledRoles(service.model, organization, entitlement)
  return { organization, service, entitled, operations: operationsOf(service.model, entitled) }
}
