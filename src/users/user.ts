import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import {
  type ConnectionId,
  type NewId,
  type OrganizationId,
  parseId,
  type ServiceId,
  type UserId,
} from '../ids.ts'
import type { Organization } from '../organizations/organization.ts'
import { revoke } from '../revocations/revocation.ts'
import { sealedUnder } from '../secrets/sealed-under.ts'
import type { PrincipalTags } from '../services/principal-tags.ts'
import type { Collection, Insert, Records, Stored } from '../storage/ports.ts'

/** `invited`: has not yet shown that the address is theirs, neither by the mailed link nor through a connection. */
export type UserState =
  | { readonly kind: 'invited' }
  | { readonly kind: 'active' }
  | { readonly kind: 'disabled'; readonly disabledAt: EpochMs }

/** One role that a user has on one service. */
export interface RoleAssignment {
  readonly serviceId: ServiceId
  /** The name of a service-defined role, or the id of an organization-defined one. */
  readonly role: string
  /** The connection whose mapping gave it, and may take it; absent: an administrator did. */
  readonly from?: ConnectionId
}

/** Who a user is at an upstream identity provider. Never an e-mail. */
export interface Identity {
  readonly connectionId: ConnectionId
  readonly subject: string
}

/** A person in one organization; the same address in two organizations is two people. */
export interface User extends Stored {
  readonly id: UserId
  /** As given; compared folded, see `foldEmail`. */
  readonly email: string
  readonly emailVerifiedAt?: EpochMs
  readonly name?: string
  readonly state: UserState
  readonly roles: readonly RoleAssignment[]
  readonly tags: PrincipalTags
  /** The Argon2id hash, sealed under the label `passwords` and bound to the user's id. */
  readonly password?: { readonly sealedHash: string; readonly changedAt: EpochMs }
  readonly identities: readonly Identity[]
  /** Whoever signed in before this is signed out, at every service: sessions, codes and refresh tokens are dead. */
  readonly signedOutAt?: EpochMs
  /** Raised by each change of roles, tags, password or state; tokens and sessions carry it. */
  readonly authority: number
  /** The principal that invited the user, or the connection that brought it. */
  readonly createdBy: string
  readonly createdAt: EpochMs
}

export const users: Collection<User> = {
  name: 'users',
  schema: z.custom<User>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    id: { keys: (user) => [user.id], unique: true, deploymentWide: true },
    email: { keys: (user) => [foldEmail(user.email)], unique: true },
    emailAnywhere: { keys: (user) => [foldEmail(user.email)], deploymentWide: true },
    identity: { keys: (user) => user.identities.map(identityKey), unique: true },
    /** Those with a role there. */
    service: {
      keys: (user) => [...new Set(user.roles.map(({ serviceId }) => serviceId))],
      deploymentWide: true,
    },
    /** Holders: of an organization-defined role by its id, of a service-defined one by service and name. */
    role: { keys: (user) => [...new Set(user.roles.map(roleKey))] },
    sealedUnder: sealedUnder((user) => (user.password === undefined ? [] : [user.password.sealedHash])),
  },
}

export function identityKey({ connectionId, subject }: Identity): string {
  return `${connectionId}/${subject}`
}

/** The key under which the index `role` lists the holders of a role. */
function roleKey({ serviceId, role }: RoleAssignment): string {
  return parseId('rol', role) ?? `${serviceId}/${role}`
}

/** Addresses compare without case. RFC 5321 §2.4 lets the local part's count; no mail system in use does. */
export function foldEmail(email: string): string {
  return email.normalize('NFC').toLowerCase()
}

/** @throws {DomainError} `user_not_found` */
export async function getUser(records: Records, organizationId: OrganizationId, id: UserId): Promise<User> {
  const user = await records.find(organizationId, users, id)
  if (user === undefined) throw new DomainError('user_not_found', `no user ${id}`)
  return user
}

/** Why a user may not sign in or use a token now. */
export type UserRefusal = 'organization_gone' | 'organization_suspended' | 'disabled' | 'invited'

/** The one answer everywhere to whether a user may be let in now. `undefined`: they may. */
export function userRefusal(user: User, organization: Organization | undefined): UserRefusal | undefined {
  if (organization?.id !== user.organizationId) return 'organization_gone'
  if (organization.state.kind === 'suspended') return 'organization_suspended'
  return user.state.kind === 'active' ? undefined : user.state.kind
}

/** The next version, with an authority above every token and session that was made for an earlier one. */
export function withAuthorityRaised(user: User, change: Partial<User>): User {
  return { ...user, ...change, authority: user.authority + 1, version: user.version + 1 }
}

/**
 * Everybody who is signed in as the user is signed out. A sign-in counts in seconds, and one in the second of the last
 * sign-out counts from that second's end: this is after that, too.
 */
export function signedOut({ signedOutAt = 0 }: User, nowMs: EpochMs): Pick<User, 'signedOutAt'> {
  return { signedOutAt: Math.max(nowMs, Math.ceil(signedOutAt / 1000) * 1000 + 1) }
}

/** Ends the user's tokens at every service that carry an authority below `lowest`. */
export function endTokens(
  newId: NewId,
  nowMs: EpochMs,
  { id, organizationId, authority }: User,
  lowest = authority,
): Insert {
  return revoke(newId, nowMs, { organizationId, ended: { kind: 'authority', of: id, lowest } })
}

/** What a commit throws when another user of the organization has the address. */
export function emailTaken(cause: unknown): unknown {
  if (!hasCode(cause, 'already_exists')) return cause
  return new DomainError('already_exists', 'another user of this organization has this e-mail address', {
    cause,
    faults: [{ pointer: '/email', detail: 'is taken', fix: 'list the users with ?email= to find it' }],
  })
}
