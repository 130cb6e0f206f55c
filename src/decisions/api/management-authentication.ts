import type { Authenticate, Denied } from '../../http/authenticate.ts'
import type { Principal } from '../../http/route.ts'
import { parseId } from '../../ids.ts'
import type { Guard } from '../../sdk/guard.ts'
import type { Rejection } from '../../sdk/guard-answer.ts'

/** How the management API knows who calls: by the SDK's guard, as any other API does. */
export function managementAuthentication(guard: Guard): Authenticate {
  return async ({ method, path, search, body, authorization, dpop, address, requestId }) => {
    const answer = await guard.check({ method, url: path + search, body, authorization, dpop, address })
    const { decisionId } = answer
    if (!answer.allowed) return { ...deniedBy(answer), decisionId }
    const { caller, operation, parameters } = answer
    const organizationId = parseId('org', caller?.organizationId ?? '')
    // The API's document has no public operation, and every token of ours names an organization.
    if (caller === undefined || organizationId === undefined)
      return { kind: 'denied', reason: 'invalid_token', decisionId }
    const isAtHome = [undefined, caller.organizationId].includes(parameters['organization'])
    const homeOrganizationId = parseId('org', caller.assumed?.organizationId ?? '')
    const principal: Principal = {
      kind: caller.kind,
      id: caller.id,
      organizationId,
      ...(homeOrganizationId === undefined ? {} : { homeOrganizationId }),
      requestId,
      address,
      ...(isAtHome && caller.tags !== undefined ? { tags: caller.tags } : {}),
      holds: (operationId, limits) => answer.holds(operationId, parameters['organization'], limits),
    }
    return { kind: 'allowed', operationId: operation.id, principal, decisionId }
  }
}

/**
 * A bearer hears no more than that its token is not valid. Who must prove a key, or sign in anew, has to hear how
 * (RFC 9449 §7.1, RFC 9470 §3).
 */
export function deniedBy({ reason, headers }: Rejection): Denied {
  const challenge = headers['www-authenticate']
  const isTold = challenge?.startsWith('DPoP ') || reason === 'insufficient_user_authentication'
  return { kind: 'denied', reason, ...(challenge !== undefined && isTold ? { challenge } : {}) }
}
