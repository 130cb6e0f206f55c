import { hasCode } from '../errors.ts'
import type { Deliver } from '../sdk/decision-log.ts'
import { findServiceBySlug } from '../services/find-service.ts'
import { managementSlug } from '../services/management-service.ts'
import { type RecordDeps, recordDecisions } from './record-decisions.ts'

/** Keeps what the server itself decided on the management API, as a guard's decisions are kept. */
export function ownDecisions(deps: RecordDeps, onFault: (cause: unknown) => void): Deliver {
  return async (batch) => {
    try {
      const service = await findServiceBySlug(deps.records, managementSlug)
      if (service === undefined) throw new Error('the service latchkey is not in the store')
      await recordDecisions(deps, service, batch)
      return 'taken'
    } catch (cause) {
      onFault(cause)
      return hasCode(cause, 'invalid_request') ? 'refused' : 'failed'
    }
  }
}
