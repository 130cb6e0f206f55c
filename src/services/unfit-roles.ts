import type { Fault } from '../errors.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import type { ResponseShapes } from '../evaluator/response/response-shapes.ts'
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
  /** Whether there are others: none, more than are listed, or perhaps, among those that were too many to look at. */
  readonly others: 'none' | 'not_listed' | 'not_looked_at'
}

/** What roles must fit: what is kept of a document. */
export interface Fitted {
  readonly model: ServiceModel
  readonly responses?: ResponseShapes
}

/** A question to later rows: which roles fit what the service says now, and would not fit what it would say next. */
export type RolesNotFitting = (serviceId: ServiceId, now: Fitted, next: Fitted) => Promise<UnfitRoles>
