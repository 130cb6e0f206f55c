import type { ClientKey } from '../client-keys/client-key.ts'
import type { EpochMs } from '../clock.ts'
import type { Service } from '../services/service.ts'
import type { Authenticated } from './exchange.ts'

/** The claims of a machine's token beyond those of RFC 9068 §2.2, which the library sets. */
export function machineClaims({ key, organization }: Authenticated): Record<string, unknown> {
  const claims: Record<string, unknown> = {
    org_id: organization.id,
    roles: [key.role],
    ver: { [key.id]: key.authority, [organization.id]: organization.authority },
    env: key.environment,
  }
  if (key.cidrs.length > 0) claims['cidrs'] = key.cidrs
  if (key.guardsServiceId !== undefined) claims['guards'] = key.guardsServiceId
  return claims
}

/** A token's life: the service's, and never past the key's own end. Whole seconds, less than 1 if the key is at its end. */
export function tokenTtlSeconds(service: Service, key: ClientKey, nowMs: EpochMs): number {
  if (key.expiresAt === undefined) return service.accessTokenTtlSeconds
  // `iat` is rounded down, so the rest of the key's life is too: `exp` is never after it.
  return Math.min(service.accessTokenTtlSeconds, Math.floor((key.expiresAt - nowMs) / 1000))
}
