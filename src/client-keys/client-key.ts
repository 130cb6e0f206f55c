import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import type { ClientKeyId, SecretId, ServiceId } from '../ids.ts'
import type { Collection, Stored } from '../storage/ports.ts'

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

/** How the key proves itself at the token endpoint: with a secret (RFC 6749 §2.3.1) or a signed assertion (RFC 7523). */
export type Authentication =
  | { readonly kind: 'secret'; readonly secrets: readonly ClientSecret[] }
  | {
      readonly kind: 'private_key_jwt'
      readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
    }

/** An organization's credential: a stable id, bound to one service and one role on it; an OAuth client. */
export interface ClientKey extends Stored {
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
  /** Raised by each change of its role, restrictions or state; tokens carry it in `ver`. */
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
    service: { keys: (key) => [key.serviceId] },
    role: { keys: (key) => (key.state.kind === 'revoked' ? [] : [`${key.serviceId}/${key.role}`]) },
  },
}
