import { hasCode } from '../errors.ts'
import type { Deliver } from '../sdk/decision-log.ts'
import { findServiceBySlug } from '../services/find-service.ts'
import { managementSlug } from '../services/management-service.ts'
import type { Service } from '../services/service.ts'
import { type RecordDeps, recordDecisions } from './record-decisions.ts'

/** Keeps what the server itself decided on the management API, as a guard's decisions are kept. */
export function ownDecisions(deps: RecordDeps, onFault: (cause: unknown) => void): Deliver {
  const find = async () => {
    const service = await findServiceBySlug(deps.records, managementSlug)
    if (service === undefined) throw new Error('the service latchkey is not in the store')
    return service
  }
  return recordingOf(deps, find, onFault)
}

/** Keeps what is decided here about a service. */
export function recordingOf(
  deps: RecordDeps,
  find: () => Promise<Service>,
  onFault: (cause: unknown) => void,
): Deliver {
  return async (batch) => {
    try {
      await recordDecisions(deps, await find(), batch)
      return 'taken'
    } catch (cause) {
      // A service that is gone has nobody left to read them.
      if (hasCode(cause, 'service_not_found')) return 'refused'
      onFault(cause)
      return hasCode(cause, 'invalid_request') ? 'refused' : 'failed'
    }
  }
}
