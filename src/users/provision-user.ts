import { isDeepStrictEqual } from 'node:util'
import type { EventType } from '../audit/catalogue.ts'
import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { ConnectionId, NewId, OrganizationId } from '../ids.ts'
import { insert, type Records, update } from '../storage/ports.ts'
import {
  emailTaken,
  endTokens,
  foldEmail,
  identityKey,
  type RoleAssignment,
  type User,
  users,
  withAuthorityRaised,
} from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/** What an upstream provider says of a person, after the connection has been asked whether it may. */
export interface UpstreamPerson {
  readonly connectionId: ConnectionId
  readonly subject: string
  readonly email: string
  readonly emailVerified: boolean
  readonly name?: string | undefined
  /** What the connection's mapping gives: all of it, at each sign-in. Absent: the mapping gives no roles. */
  readonly roles?: readonly Pick<RoleAssignment, 'serviceId' | 'role'>[] | undefined
  /** Keys that the mapping fills; an empty list takes the key. Others stay. */
  readonly tags?: User['tags'] | undefined
  readonly requestId: string
  readonly address?: string | undefined
}

/**
 * The user that this identity is, made at the first sign-in and brought up to date at each. Roles that the mapping gave
 * are replaced, those given by hand stay. A user who is there already under the address, and is nobody else at this
 * connection, is that person, if the provider vouches for the address: the caller has checked that the connection may
 * speak for its domain.
 * @throws {DomainError} `already_exists` if the address is another person's here, `user_state` for a disabled user, `conflict`
 */
export async function provisionUser(
  deps: Deps,
  organizationId: OrganizationId,
  person: UpstreamPerson,
): Promise<User> {
  try {
    return await provisionOnce(deps, organizationId, person)
  } catch (cause) {
    // Another first sign-in of the same person may have just made the user.
    if (!hasCode(cause, 'already_exists') && !hasCode(cause, 'conflict')) throw cause
    return await provisionOnce(deps, organizationId, person)
  }
}

async function provisionOnce(
  deps: Deps,
  organizationId: OrganizationId,
  person: UpstreamPerson,
): Promise<User> {
  const [known] = await deps.records.list(organizationId, users, 'identity', identityKey(person), {
    limit: 1,
  })
  const before = known ?? (await namesake(deps.records, organizationId, person))
  if (before === undefined) return await createFrom(deps, organizationId, person)
  if (before.state.kind === 'disabled') throw new DomainError('user_state', `${before.id} is disabled`)
  return await bringUpToDate(deps, before, person)
}

async function namesake(
  records: Records,
  organizationId: OrganizationId,
  { email, emailVerified, connectionId }: UpstreamPerson,
): Promise<User | undefined> {
  const [found] = await records.list(organizationId, users, 'email', foldEmail(email), { limit: 1 })
  if (found === undefined) return undefined
  const isSomebodyElse = found.identities.some((one) => one.connectionId === connectionId)
  if (emailVerified && !isSomebodyElse) return found
  throw new DomainError('already_exists', 'another user of this organization has this e-mail address', {
    fix: isSomebodyElse
      ? 'an administrator deletes the user who had the address before'
      : 'the identity provider must confirm the address (email_verified)',
  })
}

async function createFrom(deps: Deps, organizationId: OrganizationId, person: UpstreamPerson): Promise<User> {
  const nowMs = deps.clock()
  const { connectionId, subject, email } = person
  const blank: User = {
    ...{ id: deps.newId('usr'), organizationId, version: 1, email, roles: [], tags: {}, authority: 1 },
    ...{ identities: [{ connectionId, subject }], state: { kind: 'active' } },
    ...{ createdBy: connectionId, createdAt: nowMs },
  }
  const user = saidOf(blank, person, nowMs)
  const details = { email, connection: connectionId, roles: user.roles, tags: user.tags }
  const told = happening('user.created', user, person, details)
  try {
    await deps.commit(told, [insert(users, user)])
  } catch (cause) {
    throw emailTaken(cause)
  }
  return user
}

async function bringUpToDate(deps: Deps, before: User, person: UpstreamPerson): Promise<User> {
  const { connectionId, subject } = person
  const nowMs = deps.clock()
  const isLinked = before.identities.some((one) => identityKey(one) === identityKey(person))
  const identities = isLinked ? before.identities : [...before.identities, { connectionId, subject }]
  const email = await emailOf(deps.records, before, person)
  const said = saidOf({ ...before, email, identities, state: { kind: 'active' } }, person, nowMs)
  if (isDeepStrictEqual(said, before)) return before
  const mayDoOther = !isDeepStrictEqual([said.roles, said.tags], [before.roles, before.tags])
  const after = mayDoOther ? withAuthorityRaised(said, {}) : { ...said, version: before.version + 1 }
  const changes = [update(users, before, after), ...(mayDoOther ? [endTokens(deps.newId, nowMs, after)] : [])]
  const tell = (type: EventType, details: Readonly<Record<string, unknown>>) =>
    happening(type, after, person, details)
  const [first, ...others] = [
    ...(before.state.kind === 'invited' ? [tell('user.activated', { connection: connectionId })] : []),
    ...(isDeepStrictEqual(before.roles, after.roles)
      ? []
      : [tell('user.roles_changed', { from: before.roles, to: after.roles, connection: connectionId })]),
  ]
  const changed = tell('user.changed', { from: shown(before), to: shown(after), connection: connectionId })
  await deps.commit(first === undefined ? changed : [first, ...others], changes)
  return after
}

/** A new address of the same person, unless it is another's here. */
async function emailOf(
  records: Records,
  before: User,
  { email, emailVerified }: UpstreamPerson,
): Promise<string> {
  const folded = foldEmail(email)
  if (!emailVerified || folded === foldEmail(before.email)) return before.email
  const [taken] = await records.list(before.organizationId, users, 'email', folded, { limit: 1 })
  return taken === undefined ? email : before.email
}

/** The user as the provider and the mapping say now. */
function saidOf(user: User, person: UpstreamPerson, nowMs: number): User {
  const { connectionId, name, emailVerified, email } = person
  const isSame = foldEmail(email) === foldEmail(user.email)
  const verifiedAt = emailVerified && isSame ? (user.emailVerifiedAt ?? nowMs) : user.emailVerifiedAt
  return {
    ...user,
    ...(name === undefined ? {} : { name }),
    ...(verifiedAt === undefined ? {} : { emailVerifiedAt: verifiedAt }),
    roles: mappedRoles(user.roles, connectionId, person.roles ?? []),
    tags: mappedTags(user.tags, person.tags ?? {}),
  }
}

function mappedRoles(
  held: User['roles'],
  from: ConnectionId,
  given: readonly Pick<RoleAssignment, 'serviceId' | 'role'>[],
): User['roles'] {
  const others = held.filter((one) => one.from !== from)
  const isHeld = ({ serviceId, role }: Pick<RoleAssignment, 'serviceId' | 'role'>) =>
    others.some((one) => one.serviceId === serviceId && one.role === role)
  return [
    ...others,
    ...given.filter((one) => !isHeld(one)).map(({ serviceId, role }) => ({ serviceId, role, from })),
  ]
}

function mappedTags(held: User['tags'], given: User['tags']): User['tags'] {
  return Object.fromEntries(Object.entries({ ...held, ...given }).filter(([, values]) => values.length > 0))
}

function shown({ email, name, tags, identities }: User): Readonly<Record<string, unknown>> {
  return { email, name: name ?? null, tags, identities }
}

/** Told as the user's own deed: the provider speaks for them. */
function happening(
  type: EventType,
  { id, organizationId }: User,
  { requestId, address }: UpstreamPerson,
  details: Readonly<Record<string, unknown>>,
) {
  const by: Actor = {
    ...{ kind: 'user', id, organizationId, requestId },
    ...(address === undefined ? {} : { address }),
  }
  return { type, organizationId, target: id, by, details }
}
