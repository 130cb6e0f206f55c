import type { Authenticate } from '../../http/authenticate.ts'
import type { Principal } from '../../http/route.ts'
import { parseId } from '../../ids.ts'
import type { Guard } from '../../sdk/guard.ts'

/** How the management API knows who calls: by the SDK's guard, as any other API does. */
export function managementAuthentication(guard: Guard): Authenticate {
  return async ({ method, path, authorization, address, requestId }) => {
    const answer = await guard.check({ method, url: path, authorization, address })
    if (!answer.allowed) return { kind: 'denied', reason: answer.reason }
    const { caller, operation, parameters } = answer
    const organizationId = parseId('org', caller?.organizationId ?? '')
    // The API's document has no public operation, and every token of ours names an organization.
    if (caller === undefined || organizationId === undefined)
      return { kind: 'denied', reason: 'invalid_token' }
    const principal: Principal = {
      kind: caller.kind,
      id: caller.id,
      organizationId,
      requestId,
      address,
      holds: (operationId) => answer.holds(operationId, parameters['organization']),
    }
    return { kind: 'allowed', operationId: operation.id, principal }
  }
}
