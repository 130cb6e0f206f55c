import type { ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { ClientKeyId } from '../ids.ts'

/** So many in a window, for each of what is counted. Per node: nothing is shared. */
export interface Quota {
  readonly requests: number
  readonly windowSeconds: number
}

/** What the token endpoint counts. */
export interface TokenQuotas {
  /** Requests of one client address; of one /64 in IPv6. */
  readonly address: Quota
  /** Requests of one client key that have proved to be the key's. A stranger who names a key uses up nothing of it. */
  readonly key: Quota
  /** Failed authentications from one address. */
  readonly addressFailures: Quota
  /** Failed authentications as one existing key, from one address. */
  readonly keyFailures: Quota
  /** Things of each kind counted at once; a flood of new ones pushes out the longest unseen. */
  readonly countedMax: number
}

export const tokenQuotasDefault: TokenQuotas = {
  address: { requests: 12_000, windowSeconds: 60 },
  key: { requests: 6_000, windowSeconds: 60 },
  addressFailures: { requests: 120, windowSeconds: 60 },
  keyFailures: { requests: 20, windowSeconds: 60 },
  countedMax: 50_000,
}

/** What must be waited for, as the headers tell it (RFC 9110 §10.2.3, draft-ietf-httpapi-ratelimit-headers). */
export interface Spent {
  readonly seconds: number
  readonly headers: Readonly<Record<string, string>>
}

export interface TokenLimits {
  /** Counts a request of this address, before anything of it is read. */
  takeAddress(address: string): Promise<Spent | undefined>
  /** Whether this address has failed too often as this key. */
  failuresOf(keyId: ClientKeyId, address: string): Promise<Spent | undefined>
  /** Counts a request of a key that has authenticated. */
  takeKey(keyId: ClientKeyId): Promise<Spent | undefined>
  /** Counts a failed authentication; `keyId` only if there is such a key. */
  failed(address: string, keyId: ClientKeyId | undefined): Promise<void>
}

export function tokenLimits(quotas: TokenQuotas): TokenLimits {
  const address = new Counted('address', quotas.address, quotas.countedMax)
  const key = new Counted('key', quotas.key, quotas.countedMax)
  const addressFailures = new Counted('address-failures', quotas.addressFailures, quotas.countedMax)
  const keyFailures = new Counted('key-failures', quotas.keyFailures, quotas.countedMax)
  return {
    takeAddress: async (text) => {
      const counted = countedAddress(text)
      return (await addressFailures.look(counted)) ?? (await address.take(counted))
    },
    failuresOf: (keyId, text) => keyFailures.look(`${keyId} ${countedAddress(text)}`),
    takeKey: (keyId) => key.take(keyId),
    failed: async (text, keyId) => {
      const counted = countedAddress(text)
      await addressFailures.take(counted)
      if (keyId !== undefined) await keyFailures.take(`${keyId} ${counted}`)
    },
  }
}

export function tell(response: ServerResponse, { headers }: Spent): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}

/** A customer is given a /64 of IPv6 at the least (RFC 6177): its first four groups, as the socket writes them. */
function countedAddress(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Math.max(0, 8 - front.length - back.length)
  return [...front, ...new Array<string>(zeros).fill('0'), ...back].slice(0, 4).join(':')
}

/** The library's memory keeps all that it has seen until its window ends; here the oldest leave when there are too many. */
class Counted {
  readonly #name: string
  readonly #quota: Quota
  readonly #memory: RateLimiterMemory
  readonly #seen: LRUCache<string, true>

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

  /** Counts one; answers what must be waited for if that was one too many. */
  async take(key: string): Promise<Spent | undefined> {
    this.#seen.set(key, true)
    try {
      await this.#memory.consume(key)
      return undefined
    } catch (spent) {
      // The library throws its count, which is no error, when there is nothing left.
      if (spent instanceof RateLimiterRes) return this.#spent(spent)
      throw spent
    }
  }

  /** Counts nothing; answers what must be waited for if there is nothing left. */
  async look(key: string): Promise<Spent | undefined> {
    // Nearly always: an address or a key that has not failed.
    if (!this.#seen.has(key)) return undefined
    const counted = await this.#memory.get(key)
    return counted !== null && counted.remainingPoints <= 0 ? this.#spent(counted) : undefined
  }

  #spent({ msBeforeNext }: RateLimiterRes): Spent {
    const { requests, windowSeconds } = this.#quota
    const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000))
    return {
      seconds,
      headers: {
        'retry-after': String(seconds),
        ratelimit: `"${this.#name}";r=0;t=${seconds}`,
        'ratelimit-policy': `"${this.#name}";q=${requests};w=${windowSeconds}`,
      },
    }
  }
}
