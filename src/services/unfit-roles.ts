import type { Fault } from '../errors.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import type { OrganizationId, RoleId, ServiceId } from '../ids.ts'

/** An organization-defined role of which something does not fit the service's document. What does not, allows nothing. */
export interface UnfitRole {
  readonly organizationId: OrganizationId
  readonly roleId: RoleId
  readonly name: string
  /** With pointers into the role. */
  readonly faults: readonly Fault[]
}

export interface UnfitRoles {
  readonly roles: readonly UnfitRole[]
  /** There may be more than were looked at or are listed. */
  readonly areMore: boolean
}

/** A question to later rows: which roles fit the service now, and would not fit another model of it. */
export type RolesNotFitting = (
  serviceId: ServiceId,
  now: ServiceModel,
  next: ServiceModel,
) => Promise<UnfitRoles>
