import type { RefusalReason } from '../audit/activity.ts'
import { type ClientKey, isApp, isExpired, type KeyFacts, refusal } from '../client-keys/client-key.ts'
import { findClientKey } from '../client-keys/find-client-key.ts'
import { parseSecret } from '../client-keys/secret-format.ts'
import { secretVerifier } from '../client-keys/verify-secret.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { addressMatcher } from '../evaluator/address-blocks.ts'
import { type ClientKeyId, parseId } from '../ids.ts'
import { organizations } from '../organizations/organization.ts'
import { roles } from '../roles/role.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { findServiceBySlug } from '../services/find-service.ts'
import { managementSlug } from '../services/management-service.ts'
import type { Service } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import type { Records } from '../storage/ports.ts'
import type { Exchange } from './exchange.ts'
import type { TokenLimits } from './limits.ts'
import type { Presented } from './presented.ts'
import { isFapi } from './security-profile.ts'
import { TooManyRequests } from './too-many-requests.ts'

export interface AuthenticationDeps {
  readonly records: Records
  readonly secrets: Secrets
  readonly clock: Clock
  readonly limits: TokenLimits
}

export interface KeyLookUp {
  /**
   * The key that may authenticate here now. If there is none, the exchange says why, as far as the key is known.
   * No store is asked about an id, or a secret, that cannot be.
   */
  find(clientId: unknown, presented: Presented, exchange: Exchange): Promise<ClientKey | undefined>
  /** The app that a browser's request names, if it is here and may be used now. It has not proved to be it. */
  findNamed(clientId: unknown): Promise<ClientKey | undefined>
  /**
   * Whether the secret is one of the key's live ones; if not, the exchange says why.
   * @throws {TooManyRequests}
   */
  hasSecret(key: ClientKey, presented: string, exchange: Exchange): boolean
}

export function keyLookUp(deps: AuthenticationDeps, service: Service): KeyLookUp {
  const { records, secrets, clock } = deps
  const verify = secretVerifier(secrets)
  return {
    find: async (clientId, presented, exchange) => {
      const keyId = possibleKeyId(clientId, presented)
      const key = keyId && (await findClientKey(records, keyId))
      if (key === undefined) return undefined
      // Who names a key and presents nothing is nobody, unless the key is one that has nothing to present.
      if (presented.kind === 'nothing' && key.authentication.kind !== 'none') return undefined
      exchange.key = key
      const spent = deps.limits.failuresOf(key.id, exchange.address)
      if (spent !== undefined) throw new TooManyRequests(spent)
      const keysService = await serviceOf(records, service, key, exchange)
      const { organization, role } = await factsOf(records, key)
      const reason = reasonAgainst(
        key,
        { organization, service: keysService, role },
        presented,
        exchange.address,
        clock(),
      )
      if (reason === undefined && organization !== undefined) {
        exchange.authenticated = { key, organization, role }
        return key
      }
      if (reason !== undefined) exchange.refused = reason
      return undefined
    },
    findNamed: async (clientId) => {
      const keyId = typeof clientId === 'string' ? parseId('key', clientId) : undefined
      const key = keyId && (await findClientKey(records, keyId))
      if (key?.serviceId !== service.id || !isApp(key)) return undefined
      const facts = { ...(await factsOf(records, key)), service }
      return refusal(key, facts, clock()) === undefined ? key : undefined
    },
    hasSecret: (key, presented, exchange) => {
      const answer = verify(key, presented, clock())
      if (answer === 'live') {
        takeClient(deps.limits, exchange)
        return true
      }
      exchange.refused = answer === 'ended' ? 'secret_ended' : 'wrong_secret'
      return false
    },
  }
}

async function factsOf(records: Records, key: ClientKey): Promise<Omit<KeyFacts, 'service'>> {
  const organization = await records.find(key.organizationId, organizations, key.organizationId)
  const roleId = parseId('rol', key.role)
  return { organization, role: roleId && (await records.find(key.organizationId, roles, roleId)) }
}

/**
 * The service that the key must be of to be known here: this one; for the one who guards it and introspects, `latchkey`.
 */
async function serviceOf(
  records: Records,
  service: Service,
  key: ClientKey,
  { endpoint }: Exchange,
): Promise<Service | undefined> {
  return endpoint === 'introspection' && isGuardOf(service, key)
    ? findServiceBySlug(records, managementSlug)
    : service
}

/** The id that may be looked up; the subject of an assertion is whatever stands there, and a secret names its key. */
function possibleKeyId(clientId: unknown, presented: Presented): ClientKeyId | undefined {
  if (typeof clientId !== 'string') return undefined
  const keyId = parseId('key', clientId)
  return presented.kind === 'secret' && parseSecret(presented.secret)?.keyId !== keyId ? undefined : keyId
}

/** Whether a key that was found here guards the service: an owner's, and so of the service `latchkey`. */
export function isGuardOf(service: Service, { guardsServiceId, organizationId }: ClientKey): boolean {
  return guardsServiceId === service.id && organizationId === service.organizationId
}

/**
 * Counts a request that has proved to be the client's.
 * @throws {TooManyRequests}
 */
export function takeClient(limits: TokenLimits, { authenticated, app }: Exchange): void {
  const id = authenticated?.key.id ?? app?.id
  const spent = id && limits.takeKey(id)
  if (spent !== undefined) throw new TooManyRequests(spent)
}

/** No token could live a whole second: the key is as good as expired. */
const tokenLifeMsMin = 1000

const expected = { secret: 'secret', private_key_jwt: 'assertion', none: 'nothing' } as const

const allows = derived((key: ClientKey) => addressMatcher(key.cidrs))

function reasonAgainst(
  key: ClientKey,
  facts: KeyFacts,
  presented: Presented,
  address: string,
  nowMs: EpochMs,
): RefusalReason | undefined {
  if (key.serviceId !== facts.service?.id) return 'wrong_service'
  const reason = refusal(key, facts, nowMs)
  if (reason !== undefined) return reason
  if (isExpired(key, nowMs + tokenLifeMsMin - 1)) return 'expired'
  if (!allows(key)(address)) return 'address_not_allowed'
  const isExpected = presented.kind === expected[key.authentication.kind]
  const isTaken = presented.kind === 'assertion' || !isFapi(facts.service)
  return isExpected && isTaken ? undefined : 'wrong_authentication_method'
}
