import { LRUCache } from 'lru-cache'

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
 * Counts requests against a quota, for each key, in windows that begin with a key's first request, in this process's memory:
 * per node, nothing is shared. The longest unseen leave when there are too many.
 */
export class QuotaCounter {
  readonly #name: string
  readonly #quota: Quota
  readonly #windows: LRUCache<string, { requests: number }>

  /**
   * @param name what is counted, as callers are told
   * @param countedMax keys counted at once
   */
  constructor(name: string, quota: Quota, countedMax: number) {
    this.#name = name
    this.#quota = quota
    // By size, each of 1: with `max` the library sets aside 40 bytes for every key that there might ever be.
    const bound = { maxSize: countedMax, sizeCalculation: () => 1 }
    this.#windows = new LRUCache({ ...bound, ttl: quota.windowSeconds * 1000, ttlResolution: 100 })
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

  /** Counts one, or so many. */
  take(key: string, count = 1): Standing {
    const window = this.#windows.get(key)
    const requests = (window?.requests ?? 0) + count
    if (window === undefined) this.#windows.set(key, { requests })
    else window.requests = requests
    return this.#standing(key, requests, requests > this.#quota.requests)
  }

  /** Takes one back that should not have been counted. */
  giveBack(key: string): void {
    const window = this.#windows.get(key)
    if (window !== undefined && window.requests > 0) window.requests -= 1
  }

  /** Counts nothing; `undefined` for what has not been counted. */
  look(key: string): Standing | undefined {
    const window = this.#windows.get(key)
    return window && this.#standing(key, window.requests, window.requests >= this.#quota.requests)
  }

  #standing(key: string, requests: number, isSpent: boolean): Standing {
    const { requests: most, windowSeconds } = this.#quota
    // The library's clock ticks in `ttlResolution`.
    const seconds = Math.ceil(this.#windows.getRemainingTTL(key) / 1000)
    return {
      isSpent,
      left: Math.max(0, most - requests),
      seconds: Math.min(windowSeconds, Math.max(1, seconds)),
    }
  }
}
