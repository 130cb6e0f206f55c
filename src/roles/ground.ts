import { DomainError } from '../errors.ts'
import type { OrganizationId, ServiceId } from '../ids.ts'
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
 * Of a service that a caller names: one of which the organization may use nothing looks like none.
 * @param pointer where in the body the service was named
 * @param known services on which it has something already
 * @throws {DomainError} `organization_not_found`; `service_not_found` with the pointer
 */
export async function groundOf(
  records: Records,
  organizationId: OrganizationId,
  serviceNamed: string,
  pointer = '/service',
  known: readonly ServiceId[] = [],
): Promise<Ground> {
  const ground = await groundAt(records, organizationId, serviceNamed)
  if (ground === undefined) throw namesNone(pointer)
  const { service, entitled } = ground
  const isOwn = service.organizationId === organizationId || known.includes(service.id)
  if (entitled.length === 0 && !isOwn) throw namesNone(pointer)
  return ground
}

/**
 * Of a service on which the organization has something already: that it knows, whatever it may use of it now.
 * @throws {DomainError} `organization_not_found`, `service_not_found`
 */
export async function groundOfOwn(
  records: Records,
  organizationId: OrganizationId,
  serviceId: ServiceId,
): Promise<Ground> {
  const ground = await groundAt(records, organizationId, serviceId)
  if (ground === undefined) throw namesNone('/service')
  return ground
}

function namesNone(pointer: string): DomainError {
  return new DomainError('service_not_found', 'no such service', {
    faults: [{ pointer, detail: 'names no service', fix: 'give its id (svc_…) or its slug' }],
  })
}

async function groundAt(
  records: Records,
  organizationId: OrganizationId,
  serviceNamed: string,
): Promise<Ground | undefined> {
  const [organization, service] = await Promise.all([
    getOrganization(records, organizationId),
    findService(records, serviceNamed),
  ])
  if (service === undefined) return undefined
  const entitlement = await records.find(organizationId, entitlements, service.id)
  const entitled = entitledRoles(service.model, organization, entitlement)
  return { organization, service, entitled, operations: operationsOf(service.model, entitled) }
}
