import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { type ConnectionId, type OrganizationId, parseId, type RoleId, type ServiceId } from '../ids.ts'
import { sealedUnder } from '../secrets/sealed-under.ts'
import type { Collection, Records, Stored } from '../storage/ports.ts'
import type { Mapping } from './mapping.ts'

/** How the connection proves itself at the provider's token endpoint (RFC 6749 §2.3.1); always with PKCE besides. */
export type ConnectionAuthentication =
  | {
      readonly kind: 'client_secret_basic' | 'client_secret_post'
      /** Sealed under the label `connection-secrets` and bound to the connection's id; absent: none is known yet. */
      readonly sealedSecret?: string
    }
  | { readonly kind: 'none' }

/**
 * `draft` until it was tested and made active. `required`: whoever it speaks for signs in through it and no other way;
 * `offered`: a password does, too.
 */
export type ConnectionState =
  | { readonly kind: 'draft' }
  | { readonly kind: 'active'; readonly enforcement: 'offered' | 'required' }
  | { readonly kind: 'disabled'; readonly disabledAt: EpochMs }

/** An organization's identity provider: an OpenID provider, of which this is a client. */
export interface Connection extends Stored {
  readonly id: ConnectionId
  readonly name: string
  readonly kind: 'oidc'
  /** As the provider calls itself (OpenID Connect Discovery §3). Stays: subjects mean something at their issuer alone. */
  readonly issuer: string
  /** Absent until the organization has registered Latchkey there, for which it needs the connection's redirect URI. */
  readonly clientId?: string
  readonly authentication: ConnectionAuthentication
  readonly scopes: readonly string[]
  /** Domains that it alone speaks for; empty: those of the organization that no other active connection names. */
  readonly domains: readonly string[]
  /** `unless_denied` takes an address that the provider says nothing of for verified: some never send `email_verified`. */
  readonly emailTrust: 'if_said' | 'unless_denied'
  /** `upstream`: who signs out here is led on to sign out at the provider, which must know where they go then. */
  readonly signOut: 'here' | 'upstream'
  readonly state: ConnectionState
  /** When a test with all that it now has went through. */
  readonly testedAt?: EpochMs
  readonly mapping: Mapping
  readonly createdBy: string
  readonly createdAt: EpochMs
}

export const connections: Collection<Connection> = {
  name: 'connections',
  schema: z.custom<Connection>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    id: { keys: (connection) => [connection.id], unique: true, deploymentWide: true },
    active: { keys: ({ state }) => (state.kind === 'active' ? [''] : []) },
    /** Those whose mapping gives a role on the service. */
    service: { keys: ({ mapping }) => [...mappedServices(mapping)], deploymentWide: true },
    /** Those whose mapping gives an organization-defined role. */
    role: { keys: ({ mapping }) => [...mappedRoleIds(mapping)] },
    sealedUnder: sealedUnder(({ authentication }) =>
      authentication.kind === 'none' || authentication.sealedSecret === undefined
        ? []
        : [authentication.sealedSecret],
    ),
  },
}

function mappedServices({ roles, defaultRoles }: Mapping): ReadonlySet<ServiceId> {
  return new Set([...roles, ...defaultRoles].map(({ serviceId }) => serviceId))
}

function mappedRoleIds({ roles, defaultRoles }: Mapping): ReadonlySet<RoleId> {
  return new Set([...roles, ...defaultRoles].flatMap(({ role }) => parseId('rol', role) ?? []))
}

/** @throws {DomainError} `connection_not_found` */
export async function getConnection(
  records: Records,
  organizationId: OrganizationId,
  id: ConnectionId,
): Promise<Connection> {
  const connection = await records.find(organizationId, connections, id)
  if (connection === undefined) throw new DomainError('connection_not_found', `no connection ${id}`)
  return connection
}

/** Finds a connection by its id alone, whichever organization it is in: where a provider returns. */
export async function findConnection(records: Records, id: ConnectionId): Promise<Connection | undefined> {
  const [place] = await records.locate(connections, 'id', id, { limit: 1 })
  return place && (await records.find(place.organizationId, connections, id))
}

/** So many of an organization are looked at when one is to be found for a domain. */
const activeMax = 100

/** The active connections of an organization, oldest first. */
export function activeConnections(
  records: Records,
  organizationId: OrganizationId,
): Promise<readonly Connection[]> {
  return records.list(organizationId, connections, 'active', '', { limit: activeMax })
}

/** The one of these that speaks for a verified domain of theirs: the one that names it, else the oldest that names none. */
export function speakerFor(active: readonly Connection[], domain: string): Connection | undefined {
  return (
    active.find(({ domains }) => domains.includes(domain)) ??
    active.find(({ domains }) => domains.length === 0)
  )
}

/** Where the provider sends people who have signed out there. */
export function postLogoutRedirectUriOf(origin: string, id: ConnectionId): string {
  return `${origin}/connections/${id}/signed-out`
}

/** Where the provider sends people back, one for each connection (RFC 9700 §4.4). */
export function redirectUriOf(origin: string, id: ConnectionId): string {
  return `${origin}/connections/${id}/callback`
}
