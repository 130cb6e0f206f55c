import type { ServerResponse } from 'node:http'
import { countedAddress } from '../http/counted-address.ts'
import { type Quota, QuotaCounter, type Standing } from '../http/quota.ts'
import type { ClientKeyId, RegisteredAppId } from '../ids.ts'

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
  /** Apps that register themselves, and documents that describe apps and are fetched, for one address. */
  readonly registrations: Quota
  /** Sign-ins, pushed requests and codes of devices that strangers begin from one address: each is kept for a while. */
  readonly begun: Quota
  /** Codes of devices that nobody has, typed from one address. */
  readonly wrongUserCodes: Quota
  /** Things of each kind counted at once; a flood of new ones pushes out the longest unseen. */
  readonly countedMax: number
}

export const tokenQuotasDefault: TokenQuotas = {
  address: { requests: 12_000, windowSeconds: 60 },
  key: { requests: 6_000, windowSeconds: 60 },
  // Many clients may share an address, and a secret cannot be guessed: this only bounds the work for nothing.
  addressFailures: { requests: 3_000, windowSeconds: 60 },
  keyFailures: { requests: 20, windowSeconds: 60 },
  registrations: { requests: 60, windowSeconds: 3_600 },
  begun: { requests: 1_200, windowSeconds: 60 },
  // RFC 8628 §5.1: of 20^8 codes, each good for ten minutes, none is found by so many.
  wrongUserCodes: { requests: 30, windowSeconds: 600 },
  countedMax: 50_000,
}

/** What must be waited for, as the headers tell it (RFC 9110 §10.2.3, draft-ietf-httpapi-ratelimit-headers). */
export interface Spent {
  readonly seconds: number
  readonly headers: Readonly<Record<string, string>>
}

export interface TokenLimits {
  /** Counts a request of this address, before anything of it is read. */
  takeAddress(address: string): Spent | undefined
  /** Whether this address has failed too often as this key. */
  failuresOf(clientId: ClientKeyId | RegisteredAppId, address: string): Spent | undefined
  /** Counts a request of a key that has authenticated. */
  takeKey(clientId: ClientKeyId | RegisteredAppId): Spent | undefined
  /** Counts an app that registers itself, or that must be fetched. */
  takeRegistration(address: string): Spent | undefined
  /** Counts what a stranger begins, and the store keeps. */
  takeBegun(address: string): Spent | undefined
  /** Counts a code of a device that there is not. */
  wrongUserCode(address: string): void
  /** Whether this address has typed too many of them. */
  wrongUserCodesOf(address: string): Spent | undefined
  /** Counts a failed authentication; `clientId` only if there is such a client. */
  failed(address: string, clientId: ClientKeyId | RegisteredAppId | undefined): void
}

export function tokenLimits(quotas: TokenQuotas): TokenLimits {
  const address = counter('address', quotas.address, quotas.countedMax)
  const key = counter('key', quotas.key, quotas.countedMax)
  const addressFailures = counter('address-failures', quotas.addressFailures, quotas.countedMax)
  const keyFailures = counter('key-failures', quotas.keyFailures, quotas.countedMax)
  const registrations = counter('registrations', quotas.registrations, quotas.countedMax)
  const begun = counter('begun', quotas.begun, quotas.countedMax)
  const wrongUserCodes = counter('wrong-user-codes', quotas.wrongUserCodes, quotas.countedMax)
  return {
    takeBegun: (text) => begun.take(countedAddress(text)),
    wrongUserCode: (text) => void wrongUserCodes.take(countedAddress(text)),
    wrongUserCodesOf: (text) => wrongUserCodes.look(countedAddress(text)),
    takeRegistration: (text) => registrations.take(countedAddress(text)),
    takeAddress: (text) => {
      const counted = countedAddress(text)
      return addressFailures.look(counted) ?? address.take(counted)
    },
    failuresOf: (keyId, text) => keyFailures.look(`${keyId} ${countedAddress(text)}`),
    takeKey: (keyId) => key.take(keyId),
    failed: (text, keyId) => {
      const counted = countedAddress(text)
      addressFailures.take(counted)
      if (keyId !== undefined) keyFailures.take(`${keyId} ${counted}`)
    },
  }
}

export function tell(response: ServerResponse, { headers }: Spent): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}

/** A counter whose answer is what must be waited for, if anything. */
function counter(name: string, quota: Quota, countedMax: number) {
  const counted = new QuotaCounter(name, quota, countedMax)
  const spent = (standing: Standing | undefined): Spent | undefined =>
    standing?.isSpent === true
      ? { seconds: standing.seconds, headers: counted.refusalHeaders(standing) }
      : undefined
  return {
    take: (key: string) => spent(counted.take(key)),
    look: (key: string) => spent(counted.look(key)),
  }
}
