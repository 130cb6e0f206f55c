import { z } from 'zod'
import type { RefusalReason } from '../audit/activity.ts'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Tags } from '../evaluator/model.ts'
import {
  type ClientKeyId,
  commandClientId,
  type NewId,
  type OrganizationId,
  parseId,
  type SecretId,
  type ServiceId,
} from '../ids.ts'
import type { Organization } from '../organizations/organization.ts'
import { revoke } from '../revocations/revocation.ts'
import type { Role } from '../roles/role.ts'
import { sealedUnder } from '../secrets/sealed-under.ts'
import type { Service } from '../services/service.ts'
import type { Collection, Insert, Records, Stored } from '../storage/ports.ts'
import type { AppAddresses } from './redirect-uris.ts'

/** After RFC 5280 §5.3.1. */
export const revocationReasons = [
  'unspecified',
  'key_compromise',
  'affiliation_changed',
  'superseded',
  'cessation_of_operation',
  'privilege_withdrawn',
  'role_deleted',
] as const
export type RevocationReason = (typeof revocationReasons)[number]

/** Whether it has expired is computed from `expiresAt`, never stored. */
export type ClientKeyState =
  | { readonly kind: 'active' }
  | { readonly kind: 'disabled'; readonly disabledAt: EpochMs }
  | { readonly kind: 'revoked'; readonly revokedAt: EpochMs; readonly reason: RevocationReason }

export interface ClientSecret {
  readonly id: SecretId
  /** SHA-256 of the whole string, sealed under the label `client-secrets` and bound to the key's id. */
  readonly sealedHash: string
  /** The last four characters, so that its owner can tell which it is. */
  readonly lastFour: string
  readonly createdAt: EpochMs
  /** Set when it is being rotated out. */
  readonly endsAt?: EpochMs
}

/**
 * How the key proves itself at the token endpoint: with a secret (RFC 6749 §2.3.1), a signed assertion (RFC 7523), or not
 * at all (a public client, RFC 6749 §2.1: then it only acts for people).
 */
export type Authentication =
  | { readonly kind: 'secret'; readonly secrets: readonly ClientSecret[] }
  | {
      readonly kind: 'private_key_jwt'
      readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
    }
  | { readonly kind: 'none' }

/** An organization's credential: a stable id, bound to one service and one role on it; an OAuth client. */
export interface ClientKey extends Stored, AppAddresses {
  readonly id: ClientKeyId
  readonly serviceId: ServiceId
  /** Only a key of the service `latchkey` with the role `guard`: the one service that it guards. */
  readonly guardsServiceId?: ServiceId
  readonly name: string
  /** The name of a service-defined role, or the id of an organization-defined one. */
  readonly role: string
  readonly environment: 'live' | 'test'
  readonly state: ClientKeyState
  readonly authentication: Authentication
  readonly expiresAt?: EpochMs
  /** Address blocks, v4 and v6, from which alone it may be used; empty: anywhere. */
  readonly cidrs: readonly string[]
  /** Absent: none. */
  readonly tags?: Tags
  /** Raised by each change of its role, tags, restrictions or state; tokens carry it in `ver`. */
  readonly authority: number
  /** The principal that made it. */
  readonly createdBy: string
  readonly createdAt: EpochMs
}

export const clientKeys: Collection<ClientKey> = {
  name: 'client_keys',
  schema: z.custom<ClientKey>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    id: { keys: (key) => [key.id], unique: true, deploymentWide: true },
    service: { keys: (key) => [key.serviceId], deploymentWide: true },
    sealedUnder: sealedUnder(sealedHashes),
    /** Live holders: of an organization-defined role by its id, of a service-defined one by service and name. */
    role: { keys: (key) => (key.state.kind === 'revoked' ? [] : [roleKey(key.serviceId, key.role)]) },
  },
}

function sealedHashes({ authentication }: ClientKey): readonly string[] {
  return authentication.kind === 'secret' ? authentication.secrets.map(({ sealedHash }) => sealedHash) : []
}

/** The key under which the index `role` lists the holders of a role. */
function roleKey(serviceId: ServiceId, role: string): string {
  return parseId('rol', role) ?? `${serviceId}/${role}`
}

/** @throws {DomainError} `client_key_not_found` */
export async function getClientKey(
  records: Records,
  organizationId: OrganizationId,
  id: ClientKeyId,
): Promise<ClientKey> {
  const key = await records.find(organizationId, clientKeys, id)
  if (key === undefined) throw new DomainError('client_key_not_found', `no client key ${id}`)
  return key
}

/** Why a key may not be used now; each is also a reason of `audit/activity.ts`. */
export type KeyRefusal = Extract<
  RefusalReason,
  | 'organization_gone'
  | 'organization_suspended'
  | 'service_gone'
  | 'revoked'
  | 'disabled'
  | 'expired'
  | 'role_deleted'
>

/** The facts beside a key on which its use depends; looked up, never copied. `undefined`: there is none any more. */
export interface KeyFacts {
  readonly organization: Organization | undefined
  readonly service: Service | undefined
  /** The organization-defined role that the key names, if it names one. */
  readonly role: Role | undefined
}

/** The one answer everywhere to whether a key may be used now. `undefined`: it may. */
export function refusal(key: ClientKey, facts: KeyFacts, nowMs: EpochMs): KeyRefusal | undefined {
  const { organization, service, role } = facts
  if (organization === undefined) return 'organization_gone'
  if (organization.state.kind === 'suspended') return 'organization_suspended'
  if (service?.id !== key.serviceId) return 'service_gone'
  if (key.state.kind !== 'active') return key.state.kind
  if (isExpired(key, nowMs)) return 'expired'
  return hasRole(key, service, role) ? undefined : 'role_deleted'
}

function hasRole(key: ClientKey, service: Service, role: Role | undefined): boolean {
  if (parseId('rol', key.role) === undefined) return service.model.roles.some(({ name }) => name === key.role)
  return role?.id === key.role && role.serviceId === key.serviceId
}

/** Whether people may let it act for them: it has redirect URIs, or cannot prove itself and so is no machine. */
export function isApp({ redirectUris = [], authentication }: ClientKey): boolean {
  return redirectUris.length > 0 || authentication.kind === 'none'
}

export function isExpired(key: ClientKey, nowMs: EpochMs): boolean {
  return key.expiresAt !== undefined && key.expiresAt <= nowMs
}

/** The secrets with which the key may prove itself now, oldest first: two while one is rotated out. */
export function liveSecrets(key: ClientKey, nowMs: EpochMs): readonly ClientSecret[] {
  if (key.authentication.kind !== 'secret') return []
  return key.authentication.secrets.filter((secret) => isLive(secret, nowMs))
}

export function isLive({ endsAt }: ClientSecret, nowMs: EpochMs): boolean {
  return endsAt === undefined || endsAt > nowMs
}

/** The next version, with an authority above every token that was issued to an earlier one. */
export function withAuthorityRaised(key: ClientKey, change: Partial<ClientKey>): ClientKey {
  return { ...key, ...change, authority: key.authority + 1, version: key.version + 1 }
}

/** Ends the tokens of the key that carry an authority below its own. */
export function endTokens(newId: NewId, nowMs: EpochMs, key: ClientKey): Insert {
  const { id, organizationId, serviceId, authority } = key
  const ended = { kind: 'authority', of: id, lowest: authority } as const
  return revoke(newId, nowMs, { organizationId, serviceId, ended })
}

/**
 * The `latchkey` command has this one id everywhere, and so cannot be given another key.
 * @throws {DomainError} `client_key_state` for what could not be undone, or would stop people from signing in unnoticed
 */
export function refuseCommand({ id }: ClientKey): void {
  if (id === commandClientId)
    throw new DomainError('client_key_state', `people sign in to the latchkey command with ${id}`, {
      fix: 'disable it if nobody is to: it can be enabled again',
    })
}

/** @throws {DomainError} `client_key_state`: a revoked key stays as it is, for its history */
export function refuseRevoked(key: ClientKey): void {
  if (key.state.kind === 'revoked')
    throw new DomainError('client_key_state', `${key.id} is revoked`, { fix: 'make a new key' })
}
