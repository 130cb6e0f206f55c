import { decodeJwt, errors } from 'jose'
import { LRUCache } from 'lru-cache'
import { findClientKey } from '../../client-keys/find-client-key.ts'
import { countedAddress } from '../../http/counted-address.ts'
import { type Quota, QuotaCounter, type Standing } from '../../http/quota.ts'
import { HttpRefusal } from '../../http/refusal.ts'
import { type ClientKeyId, parseId } from '../../ids.ts'
import { presentedToken } from '../../sdk/authorization.ts'
import type { Records } from '../../storage/ports.ts'

export interface WrongTokenLimits {
  /** Of one client address; of one /64 in IPv6. */
  readonly quota: Quota
  /** Addresses, and keys of guards, remembered at once; the longest unseen leave. */
  readonly countedMax: number
}

/** Longer ones are not verified either. */
const tokenLengthMax = 8_192

/**
 * Bounds the work for wrong tokens from one address, which many guards may share. Once it has sent too many, only a token
 * that says that it is of a guard's key is verified at all, so that whoever has a right token is served as before. Strangers
 * have no such id to name; customers do, in what the guard has registered for them: theirs are verified, and refused with
 * 429 all the same. A bound of those would let them shut a guard out. In this process's memory.
 */
export class WrongTokens {
  readonly #failures: QuotaCounter
  /** Of keys that are named in vain, once the failures are spent: each may be a question to the store. */
  readonly #inVain: QuotaCounter
  /** Keys whose tokens were right here: nobody is asked about those. */
  readonly #right: LRUCache<ClientKeyId, true>
  readonly #records: Records

  /** @param records the cached ones: keys that there are cost a look-up in memory */
  constructor({ quota, countedMax }: WrongTokenLimits, records: Records) {
    this.#failures = new QuotaCounter('address-failures', quota, countedMax)
    this.#inVain = new QuotaCounter('address-failures', quota, countedMax)
    this.#right = new LRUCache({ max: countedMax })
    this.#records = records
  }

  /**
   * Before a token is verified.
   * @throws {HttpRefusal} `rate_limited`
   */
  async admit(address: string, authorization: readonly string[] | undefined): Promise<void> {
    const counted = countedAddress(address)
    const spent = this.#spent(counted)
    if (spent === undefined) return
    const keyId = keyNamedIn(authorization)
    if (keyId === undefined || !(await this.#isKnown(keyId, counted))) throw this.#refused(spent)
  }

  /**
   * Counts a token that is not good, or the want of one.
   * @throws {HttpRefusal} `rate_limited` where there were too many before
   */
  failed(address: string): void {
    const counted = countedAddress(address)
    const spent = this.#spent(counted)
    if (spent !== undefined) throw this.#refused(spent)
    this.#failures.take(counted)
  }

  /** A token of this key was good. */
  right(keyId: ClientKeyId): void {
    this.#right.set(keyId, true)
  }

  #spent(counted: string): Standing | undefined {
    const standing = this.#failures.look(counted)
    return standing?.isSpent === true ? standing : undefined
  }

  async #isKnown(keyId: ClientKeyId, counted: string): Promise<boolean> {
    if (this.#right.has(keyId)) return true
    if (this.#inVain.look(counted)?.isSpent === true) return false
    const key = await findClientKey(this.#records, keyId)
    if (key?.guardsServiceId !== undefined && key.state.kind === 'active') return true
    this.#inVain.take(counted)
    return false
  }

  #refused(spent: Standing): HttpRefusal {
    return new HttpRefusal(
      'rate_limited',
      'There were too many requests without a good token from this address.',
      {
        fix: `Wait ${spent.seconds} seconds, or send a good token: those are taken meanwhile.`,
        headers: this.#failures.refusalHeaders(spent),
      },
    )
  }
}

/** Whose key a token says that it is of: anybody may have written it. */
function keyNamedIn(authorization: readonly string[] | undefined): ClientKeyId | undefined {
  const presented = presentedToken(authorization, tokenLengthMax)
  if (presented.kind !== 'token') return undefined
  try {
    const { sub } = decodeJwt(presented.token)
    return typeof sub === 'string' ? parseId('key', sub) : undefined
  } catch (cause) {
    if (cause instanceof errors.JOSEError) return undefined
    throw cause
  }
}
