import type { Actor } from './record.ts'

/** Only what an event keeps of the one who calls, whatever else the caller carries. */
export function actorOf(caller: Actor): Actor {
  const { kind, id, organizationId, requestId, address } = caller
  return { kind, id, organizationId, requestId, ...(address === undefined ? {} : { address }) }
}
