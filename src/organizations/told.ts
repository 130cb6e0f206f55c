import type { EventType } from '../audit/catalogue.ts'
import type { Actor, Happening } from '../audit/record.ts'
import type { Organization } from './organization.ts'

/** What happened to an organization is told in its own audit trail, and in that of who did it. */
export function told(
  type: EventType,
  organization: Organization,
  by: Actor,
  details: Readonly<Record<string, unknown>>,
): readonly [Happening, ...Happening[]] {
  const one: Happening = { type, organizationId: organization.id, target: organization.id, by, details }
  return by.organizationId === organization.id ? [one] : [one, { ...one, organizationId: by.organizationId }]
}
