import { type Quota, QuotaCounter, type Standing } from './quota.ts'
import { HttpRefusal } from './refusal.ts'

export interface Limiter {
  /** As the `RateLimit-Policy` header lists it. */
  readonly policy: string
  /**
   * Counts one request, or so many; answers what is left, as the `RateLimit` header lists it.
   * @throws {HttpRefusal} `rate_limited`
   */
  take(key: string, count?: number): string
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
  /** Things of each kind counted at once; a flood of new ones pushes out the longest unseen. Default 50,000. */
  readonly countedMax?: number
}

export function limitsFrom({ address, principal, organization, countedMax = 50_000 }: LimitQuotas): Limits {
  return {
    address: limiter('address', address, countedMax),
    principal: limiter('principal', principal, countedMax),
    organization: limiter('organization', organization, countedMax),
  }
}

/** @param name what is counted, as callers are told */
export function limiter(name: string, quota: Quota, countedMax: number): Limiter {
  const counter = new QuotaCounter(name, quota, countedMax)
  return {
    policy: counter.policy,
    take: (key, count) => {
      const standing = counter.take(key, count)
      if (standing.isSpent) throw refused(name, counter, standing)
      return counter.stateOf(standing)
    },
  }
}

function refused(name: string, counter: QuotaCounter, standing: Standing): HttpRefusal {
  return new HttpRefusal('rate_limited', `There were too many requests for this ${name}.`, {
    fix: `Wait ${standing.seconds} seconds.`,
    headers: counter.refusalHeaders(standing),
  })
}
