import type { Actor } from '../audit/record.ts'
import type { OrganizationId, RoleId } from '../ids.ts'

/** Who holds an organization-defined role, or lets another organization take it. */
export interface Holder {
  readonly kind: 'assumption' | 'client_key' | 'connection' | 'user'
  readonly id: string
  readonly name: string
}

/** A question to later rows: who holds the role, at most so many. */
export type HoldersOf = (
  organizationId: OrganizationId,
  roleId: RoleId,
  limit: number,
) => Promise<readonly Holder[]>

/** A request to later rows: the role is gone, so end what held it, in pages, an event each; safe to repeat. */
export type EndHolders = (organizationId: OrganizationId, roleId: RoleId, by: Actor) => Promise<void>
