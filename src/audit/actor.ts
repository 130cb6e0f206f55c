import type { OrganizationId } from '../ids.ts'
import type { Actor } from './record.ts'

/** Only what an event keeps of the one who calls, whatever else the caller carries. */
export function actorOf(caller: Actor & { readonly homeOrganizationId?: OrganizationId }): Actor {
  const { kind, id, requestId, address } = caller
  // Who acts in a role of another organization is still one of their own.
  const organizationId = caller.homeOrganizationId ?? caller.organizationId
  return { kind, id, organizationId, requestId, ...(address === undefined ? {} : { address }) }
}
