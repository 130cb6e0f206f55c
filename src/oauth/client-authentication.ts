import { createHash, timingSafeEqual } from 'node:crypto'
import type { RefusalReason } from '../audit/activity.ts'
import { type ClientKey, clientKeys } from '../client-keys/client-key.ts'
import { parseSecret } from '../client-keys/secret-format.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { addressMatcher } from '../evaluator/address-blocks.ts'
import { type ClientKeyId, parseId, type ServiceId } from '../ids.ts'
import { type Organization, organizations } from '../organizations/organization.ts'
import { type Role, roles } from '../roles/role.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { derived } from '../storage/derived.ts'
import type { Records } from '../storage/ports.ts'
import type { Exchange } from './exchange.ts'
import type { TokenLimits } from './limits.ts'
import type { Presented } from './presented.ts'
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
  /** Whether the secret is one of the key's live ones; if not, the exchange says why. */
  hasSecret(key: ClientKey, presented: string, exchange: Exchange): boolean
}

export function keyLookUp(deps: AuthenticationDeps, serviceId: ServiceId): KeyLookUp {
  const { records, secrets, clock, limits } = deps
  const hashesOf = derived((key: ClientKey) => openHashes(key, secrets))
  const allows = derived((key: ClientKey) => addressMatcher(key.cidrs))

  return {
    find: async (clientId, presented, exchange) => {
      // The subject of an assertion is whatever stands there.
      const keyId = typeof clientId === 'string' ? parseId('key', clientId) : undefined
      if (keyId === undefined) return undefined
      if (presented.kind === 'nothing') return undefined
      if (presented.kind === 'secret' && parseSecret(presented.secret)?.keyId !== keyId) return undefined
      const key = await findKey(records, keyId)
      if (key === undefined) return undefined
      exchange.key = key
      const spent = await limits.failuresOf(key.id, exchange.address)
      if (spent !== undefined) throw new TooManyRequests(spent)
      if (key.serviceId !== serviceId) return refuse(exchange, 'wrong_service')
      const [organization, role] = await Promise.all([
        records.find(key.organizationId, organizations, key.organizationId),
        findRole(records, key),
      ])
      if (organization === undefined) return undefined
      exchange.organization = organization
      const reason = refusal(key, role, organization, clock())
      if (reason !== undefined) return refuse(exchange, reason)
      if (!allows(key)(exchange.address)) return refuse(exchange, 'address_not_allowed')
      const expected = key.authentication.kind === 'secret' ? 'secret' : 'assertion'
      return presented.kind === expected ? key : refuse(exchange, 'wrong_authentication_method')
    },
    hasSecret: (key, presented, exchange) => {
      const hash = createHash('sha256').update(presented).digest()
      const nowMs = clock()
      const match = hashesOf(key).find((known) => timingSafeEqual(known.hash, hash))
      if (match === undefined) exchange.refused = 'wrong_secret'
      else if (match.endsAt !== undefined && match.endsAt <= nowMs) exchange.refused = 'secret_ended'
      return exchange.refused === undefined
    },
  }
}

function refuse(exchange: Exchange, reason: RefusalReason): undefined {
  exchange.refused = reason
}

async function findKey(records: Records, keyId: ClientKeyId): Promise<ClientKey | undefined> {
  const [place] = await records.locate(clientKeys, 'id', keyId, { limit: 1 })
  return place && (await records.find(place.organizationId, clientKeys, keyId))
}

async function findRole(records: Records, key: ClientKey): Promise<Role | undefined> {
  const roleId = parseId('rol', key.role)
  return roleId && (await records.find(key.organizationId, roles, roleId))
}

interface KnownHash {
  readonly hash: Buffer
  readonly endsAt?: EpochMs
}

function openHashes(key: ClientKey, secrets: Secrets): readonly KnownHash[] {
  if (key.authentication.kind !== 'secret') return []
  return key.authentication.secrets.map(({ sealedHash, endsAt }) => ({
    hash: secrets.open('client-secrets', key.id, sealedHash),
    ...(endsAt === undefined ? {} : { endsAt }),
  }))
}

// PLACEHOLDER until client-keys has it
function refusal(
  key: ClientKey,
  role: Role | undefined,
  organization: Organization,
  nowMs: EpochMs,
): RefusalReason | undefined {
  if (organization.state.kind === 'suspended') return 'organization_suspended'
  if (key.state.kind !== 'active') return key.state.kind
  if (key.expiresAt !== undefined && key.expiresAt - nowMs < 1000) return 'expired'
  if (key.role.startsWith('rol_') && role === undefined) return 'role_deleted'
  return undefined
}
