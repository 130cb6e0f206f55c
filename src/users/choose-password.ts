import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { NewId, ServiceId } from '../ids.ts'
import type { SendMail } from '../mail/mail.ts'
import { getOrganization, type Organization } from '../organizations/organization.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { getService } from '../services/find-service.ts'
import type { Service } from '../services/service.ts'
import { type Records, update } from '../storage/ports.ts'
import type { PasswordHasher } from './argon2.ts'
import { passwordChangedMail } from './mail-texts.ts'
import { endLinks, type FoundLink, findLink, type LinkPurpose } from './one-time-link.ts'
import { checkNewPassword } from './password-rules.ts'
import type { Arrived } from './request-reset.ts'
import { endTokens, getUser, signedOut, type User, users, withAuthorityRaised } from './user.ts'
import { type PasswordAnswer, tryPassword } from './verify-password.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly secrets: Secrets
  readonly hasher: PasswordHasher
}

interface Telling {
  readonly sendMail: SendMail
  /** Told that the owner of a changed password was not. */
  readonly onFault: (cause: unknown, requestId: string) => void
}

interface LinkUse {
  readonly serviceId: ServiceId
  /** The text of the mailed link. */
  readonly link: string
  readonly password: string
}

export interface CurrentAndNew {
  readonly current: string
  readonly password: string
  /** At whose pages it is changed. */
  readonly serviceId: ServiceId
  /** What wrong ones are counted by, where that is not the client's own address. */
  readonly countedFrom?: string
}

const attemptsMax = 3

/**
 * The invited person comes in, with a password of their own: the mailed link has shown that the address is theirs.
 * @throws {DomainError} `link_invalid`, `password_refused`, `rate_limited`, `conflict`
 */
export async function acceptInvitation(
  deps: Deps,
  use: LinkUse & { readonly name?: string | undefined },
  arrived: Arrived,
): Promise<User> {
  const named = use.name === undefined ? {} : { name: use.name }
  const change = { ...named, state: { kind: 'active' } } as const
  return await chooseByLink(deps, 'invitation', use, arrived, change)
}

/**
 * A new password by the mailed link. Whoever was signed in as the user is signed out, everywhere.
 * @throws {DomainError} `link_invalid`, `password_refused`, `rate_limited`, `conflict`
 */
export async function resetPassword(deps: Deps & Telling, use: LinkUse, arrived: Arrived): Promise<User> {
  const user = await chooseByLink(deps, 'reset', use, arrived, {})
  await tellOfChange(deps, user, arrived)
  return user
}

/**
 * A new password by who knows the current one. Every session ends, this one too: the caller begins another.
 * @throws {DomainError} `user_not_found`, `user_state`, `password_refused`, `rate_limited`, `conflict`
 */
export async function changePassword(
  deps: Deps & Telling & Parameters<typeof tryPassword>[0],
  user: User,
  { current, password, serviceId, countedFrom }: CurrentAndNew,
  arrived: Arrived,
): Promise<User | PasswordAnswer> {
  const answer = await tryPassword(deps, user, {
    email: user.email,
    password: current,
    address: countedFrom ?? arrived.address,
  })
  if (answer.kind !== 'right') return answer
  const { organizationId, id } = user
  const [organization, service] = await Promise.all([
    getOrganization(deps.records, organizationId),
    getService(deps.records, serviceId),
  ])
  const sealedHash = await newHash(deps, user, password, namesOf(organization, service))
  // What the current password was right for: a change in between is no longer the same.
  const before = await getUser(deps.records, organizationId, id)
  if (before.state.kind !== 'active' || before.authority !== user.authority)
    throw new DomainError('user_state', 'the account was changed in between', { fix: 'sign in again' })
  const nowMs = deps.clock()
  const after = withPassword(before, sealedHash, nowMs)
  const by: Actor = { kind: 'user', id, organizationId, ...arrived }
  await deps.commit({ type: 'user.password_changed', organizationId, target: id, by }, [
    update(users, before, after),
    ...(await endLinks(deps.records, before)),
    endTokens(deps.newId, nowMs, after),
  ])
  await tellOfChange(deps, after, arrived)
  return after
}

async function chooseByLink(
  deps: Deps,
  purpose: LinkPurpose,
  { serviceId, link, password }: LinkUse,
  arrived: Arrived,
  change: Partial<User>,
): Promise<User> {
  const { user, organization, service } = await findLink(deps, serviceId, purpose, link)
  const sealedHash = await newHash(deps, user, password, namesOf(organization, service))
  for (let attempt = 1; ; attempt += 1) {
    // Found again each time: of two at once, the other has taken it away by now.
    const found = await findLink(deps, serviceId, purpose, link)
    try {
      return await commitChoice(deps, found, sealedHash, arrived, change)
    } catch (cause) {
      if (!hasCode(cause, 'conflict') || attempt === attemptsMax) throw cause
    }
  }
}

async function commitChoice(
  deps: Deps,
  { link, user: before }: FoundLink,
  sealedHash: string,
  arrived: Arrived,
  change: Partial<User>,
): Promise<User> {
  const nowMs = deps.clock()
  const { id, organizationId, emailVerifiedAt = nowMs } = before
  const after = { ...withPassword(before, sealedHash, nowMs), ...change, emailVerifiedAt }
  const by: Actor = { kind: 'user', id, organizationId, ...arrived }
  const type = link.purpose === 'invitation' ? 'user.activated' : 'user.password_reset'
  await deps.commit({ type, organizationId, target: id, by }, [
    update(users, before, after),
    // The link among them: its removal is what makes it good once.
    ...(await endLinks(deps.records, before)),
    endTokens(deps.newId, nowMs, after),
  ])
  return after
}

async function newHash(
  { secrets, hasher }: Deps,
  { id, email, name = '' }: User,
  password: string,
  names: readonly string[],
): Promise<string> {
  await checkNewPassword(password, [email, name, ...names])
  return secrets.seal('passwords', id, await hasher.hash(password))
}

function namesOf(organization: Organization, service: Service): readonly string[] {
  return [organization.name, organization.slug, service.title, service.slug]
}

function withPassword(user: User, sealedHash: string, nowMs: EpochMs): User {
  return withAuthorityRaised(user, { password: { sealedHash, changedAt: nowMs }, ...signedOut(user, nowMs) })
}

/** The password is changed by then, so that a mail which cannot be kept fails nothing. */
async function tellOfChange(
  { records, sendMail, onFault }: Pick<Deps, 'records'> & Telling,
  { id, email, organizationId }: User,
  { requestId }: Arrived,
): Promise<void> {
  try {
    const organization = await getOrganization(records, organizationId)
    await sendMail(passwordChangedMail(email, { organization: organization.name }))
  } catch (cause) {
    onFault(new Error(`${id} was not told that the password has changed`, { cause }), requestId)
  }
}
