import { LRUCache } from 'lru-cache'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

/** So many requests in a window, for each of what is counted. */
export interface Quota {
  readonly requests: number
  readonly windowSeconds: number
}

/** How a counted thing stands in its window. */
export interface Standing {
  /** This request was one too many (for `look`: the next one would be). */
  readonly isSpent: boolean
  readonly left: number
  /** Until the window ends; 1 at least. */
  readonly seconds: number
}

/**
 * Counts requests against a quota, for each key, in this process's memory: per node, nothing is shared. The library's
 * memory keeps all that it has seen until its window ends; here the longest unseen leave when there are too many.
 */
export class QuotaCounter {
  readonly #name: string
  readonly #quota: Quota
  readonly #memory: RateLimiterMemory
  readonly #seen: LRUCache<string, true>

  /**
   * @param name what is counted, as callers are told
   * @param countedMax keys counted at once
   */
  constructor(name: string, quota: Quota, countedMax: number) {
    this.#name = name
    this.#quota = quota
    this.#memory = new RateLimiterMemory({ points: quota.requests, duration: quota.windowSeconds })
    this.#seen = new LRUCache({
      max: countedMax,
      dispose: (_value, key, reason) => {
        if (reason === 'evict') void this.#memory.delete(key)
      },
    })
  }

  /** `"name";q=…;w=…`, as the `RateLimit-Policy` header lists it (draft-ietf-httpapi-ratelimit-headers). */
  get policy(): string {
    return `"${this.#name}";q=${this.#quota.requests};w=${this.#quota.windowSeconds}`
  }

  /** `"name";r=…;t=…`, as the `RateLimit` header lists it. */
  stateOf({ left, seconds }: Standing): string {
    return `"${this.#name}";r=${left};t=${seconds}`
  }

  /** What an answer to one request too many says (RFC 9110 §10.2.3 and the draft above). */
  refusalHeaders(
    standing: Standing,
  ): Readonly<Record<'Retry-After' | 'RateLimit' | 'RateLimit-Policy', string>> {
    return {
      'Retry-After': String(standing.seconds),
      RateLimit: this.stateOf(standing),
      'RateLimit-Policy': this.policy,
    }
  }

  /** Counts one. */
  async take(key: string): Promise<Standing> {
    this.#seen.set(key, true)
    try {
      return standing(await this.#memory.consume(key), false)
    } catch (spent) {
      // The library throws its count, which is no error, when there is nothing left.
      if (spent instanceof RateLimiterRes) return standing(spent, true)
      throw spent
    }
  }

  /** Counts nothing; `undefined` for what has not been counted. */
  async look(key: string): Promise<Standing | undefined> {
    if (!this.#seen.has(key)) return undefined
    const counted = await this.#memory.get(key)
    return counted === null ? undefined : standing(counted, counted.remainingPoints <= 0)
  }
}

function standing({ remainingPoints, msBeforeNext }: RateLimiterRes, isSpent: boolean): Standing {
  return { isSpent, left: remainingPoints, seconds: Math.max(1, Math.ceil(msBeforeNext / 1000)) }
}
