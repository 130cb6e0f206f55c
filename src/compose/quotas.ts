import type { Config } from '../config.ts'
import type { LimitQuotas } from '../http/limits.ts'
import type { Quota } from '../http/quota.ts'
import { type TokenQuotas, tokenQuotasDefault } from '../oauth/limits.ts'

export function apiQuotas(config: Config): LimitQuotas {
  const callers = (count: number) => perMinute(config.apiCallsPerMinute * count, config)
  // One caller that spends all of its own must not close the door to others of its organization or address.
  return { principal: callers(1), organization: callers(5), address: callers(10) }
}

/** Of each guard's key. */
export function guardQuota(config: Config): Quota {
  return perMinute(config.guardCallsPerMinute, config)
}

/** Requests to guards' endpoints without a good token, of each address: as many as at the token endpoint. */
export function wrongTokenQuota(config: Config): Quota {
  return perMinute(tokenQuotasDefault.addressFailures.requests, config)
}

/** Of each organization at each service. */
export function decisionQuota(config: Config): Quota {
  return perMinute(config.decisionsPerOrganizationPerMinute, config)
}

export function tokenQuotas(config: Config): TokenQuotas {
  const { addressFailures, keyFailures } = tokenQuotasDefault
  return {
    ...tokenQuotasDefault,
    address: perMinute(config.tokensPerAddressPerMinute, config),
    key: perMinute(config.tokensPerKeyPerMinute, config),
    // A tenth: who has signed in comes back for tokens.
    begun: perMinute(Math.ceil(config.tokensPerAddressPerMinute / 10), config),
    addressFailures: perMinute(addressFailures.requests, config),
    keyFailures: perMinute(keyFailures.requests, config),
  }
}

/** Counted in each worker's own memory, so each gets its share of what the node allows. */
function perMinute(requests: number, { workers }: Config) {
  return { requests: Math.ceil(requests / workers), windowSeconds: 60 }
}
