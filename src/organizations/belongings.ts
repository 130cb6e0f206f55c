import type { Actor } from '../audit/record.ts'
import type { OrganizationId } from '../ids.ts'

/** A question to later rows: what each keeps of an organization. `compose` hands over the list. */
export interface Belongings {
  /** A plural, as the preview shows it: `client_keys`. */
  readonly kind: string
  /** How many there are; counting stops at `max`. */
  count(organizationId: OrganizationId, max: number): Promise<number>
  /** Removes them all, in pages, an event each, when the organization is gone already; safe to repeat. */
  tidy(organizationId: OrganizationId, by: Actor): Promise<void>
  /** Others depend on these: while there are any, the organization cannot be deleted. Says what to do first. */
  readonly removeFirst?: string
}
