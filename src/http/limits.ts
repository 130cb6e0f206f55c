import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { HttpRefusal } from './refusal.ts'

/** So many requests in a window, for each of what is counted. Kept in this process's memory: per node. */
export interface Quota {
  readonly requests: number
  readonly windowSeconds: number
}

export interface Limiter {
  /** `"name";q=…;w=…`, as the `RateLimit-Policy` header lists it (draft-ietf-httpapi-ratelimit-headers). */
  readonly policy: string
  /**
   * Counts one request; answers what is left, as the `RateLimit` header lists it.
   * @throws {HttpRefusal} `rate_limited`
   */
  take(key: string): Promise<string>
}

/** @param name what is counted: `address`, `principal`, `organization` */
function limiter(name: string, { requests, windowSeconds }: Quota): Limiter {
  const memory = new RateLimiterMemory({ points: requests, duration: windowSeconds })
  const policy = `"${name}";q=${requests};w=${windowSeconds}`
  return {
    policy,
    take: async (key) => {
      try {
        return stateOf(name, await memory.consume(key))
      } catch (spent) {
        // The library throws its count, which is no error, when there is nothing left.
        if (!(spent instanceof RateLimiterRes)) throw spent
        throw refused(name, policy, spent)
      }
    },
  }
}

function stateOf(name: string, left: RateLimiterRes): string {
  return `"${name}";r=${left.remainingPoints};t=${secondsOf(left)}`
}

function secondsOf(left: RateLimiterRes): number {
  return Math.max(1, Math.ceil(left.msBeforeNext / 1000))
}

function refused(name: string, policy: string, left: RateLimiterRes): HttpRefusal {
  return new HttpRefusal('rate_limited', `There were too many requests for this ${name}.`, {
    fix: `Wait ${secondsOf(left)} seconds.`,
    headers: {
      'Retry-After': String(secondsOf(left)),
      RateLimit: stateOf(name, left),
      'RateLimit-Policy': policy,
    },
  })
}

/** Addresses are counted whole in v4; in v6 by /64, since a single customer is given that many (RFC 6177). */
export function limitedAddress(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.toLowerCase().split('::')
  const front = head.split(':').filter((group) => group !== '')
  const back = tail === undefined ? [] : tail.split(':').filter((group) => group !== '')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length)
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}

/** What the management API counts. */
export interface Limits {
  readonly address: Limiter
  readonly principal: Limiter
  readonly organization: Limiter
}

export interface LimitQuotas {
  readonly address: Quota
  readonly principal: Quota
  readonly organization: Quota
}

export function limitsFrom(quotas: LimitQuotas): Limits {
  return {
    address: limiter('address', quotas.address),
    principal: limiter('principal', quotas.principal),
    organization: limiter('organization', quotas.organization),
  }
}
