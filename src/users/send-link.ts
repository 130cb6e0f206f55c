import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, Random } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { NewId, OrganizationId, UserId } from '../ids.ts'
import type { SendMail } from '../mail/mail.ts'
import { getOrganization } from '../organizations/organization.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { findService } from '../services/find-service.ts'
import { managementSlug } from '../services/management-service.ts'
import type { Service } from '../services/service.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { insert, type Records } from '../storage/ports.ts'
import { invitationMail, resetMail } from './mail-texts.ts'
import { endLinks, linkAddress, makeLink, oneTimeLinks } from './one-time-link.ts'
import { getUser, type User } from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly random: Random
  readonly secrets: Secrets
  readonly sendMail: SendMail
  /** Where the deployment is reached, without a trailing slash. */
  readonly origin: string
}

interface Sending {
  /** Whose pages the link leads to: id or slug. Absent: where the user has a role, else `latchkey`. */
  readonly service?: string | undefined
  readonly ifMatch?: number | undefined
}

/**
 * Mails the invitation once more; the link that was sent before ends.
 * @throws {DomainError} `user_not_found`, `user_state` if the user has come in already or is disabled, `service_not_found`,
 * `precondition_failed`, `conflict`
 */
export async function resendInvitation(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: UserId,
  { service: named, ifMatch }: Sending,
): Promise<User> {
  const user = await getUser(deps.records, organizationId, id)
  expectVersion(user, ifMatch)
  if (user.state.kind !== 'invited')
    throw new DomainError('user_state', `${id} is ${user.state.kind}, not invited`, {
      fix: user.state.kind === 'active' ? 'send a new password instead' : 'enable the user first',
    })
  const service = await serviceFor(deps.records, user, named)
  const organization = await getOrganization(deps.records, organizationId)
  const { link, text } = makeLink(deps, user, { serviceId: service.id, purpose: 'invitation' }, deps.clock())
  const details = { email: user.email, again: true }
  await deps.commit({ type: 'user.invited', organizationId, target: id, by, details }, [
    ...(await endLinks(deps.records, user, 'invitation')),
    insert(oneTimeLinks, link),
  ])
  const address = linkAddress(deps.origin, service, 'invitation', text)
  await deps.sendMail(
    invitationMail({ to: user.email, organization: organization.name, service: service.title, address }),
  )
  return user
}

/**
 * An administrator has a link mailed with which the user chooses a new password, or a first one beside a connection.
 * The old password works until then.
 * @throws {DomainError} `user_not_found`, `user_state` if the user is not active, `service_not_found`,
 * `precondition_failed`, `conflict`
 */
export async function sendReset(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: UserId,
  { service: named, ifMatch }: Sending,
): Promise<User> {
  const user = await getUser(deps.records, organizationId, id)
  expectVersion(user, ifMatch)
  if (user.state.kind !== 'active')
    throw new DomainError('user_state', `${id} is ${user.state.kind}, not active`, {
      fix: user.state.kind === 'invited' ? 'send the invitation again' : 'enable the user first',
    })
  const service = await serviceFor(deps.records, user, named)
  const account = await resetAccount(deps, by, user, service)
  await deps.sendMail(resetMail({ to: user.email, service: service.title, accounts: [account] }))
  return user
}

/** A new reset link of the user, committed; the one before ends. */
export async function resetAccount(
  deps: Omit<Deps, 'sendMail'>,
  by: Actor,
  user: User,
  service: Service,
): Promise<{ readonly organization: string; readonly address: string }> {
  const { organizationId, id, email } = user
  const organization = await getOrganization(deps.records, organizationId)
  const { link, text } = makeLink(deps, user, { serviceId: service.id, purpose: 'reset' }, deps.clock())
  await deps.commit({ type: 'user.reset_sent', organizationId, target: id, by, details: { email } }, [
    ...(await endLinks(deps.records, user, 'reset')),
    insert(oneTimeLinks, link),
  ])
  return { organization: organization.name, address: linkAddress(deps.origin, service, 'reset', text) }
}

/** @throws {DomainError} `service_not_found` with the pointer `/service` */
export async function serviceFor(
  records: Records,
  { roles }: Pick<User, 'roles'>,
  named: string | undefined,
): Promise<Service> {
  const [first] = roles
  const service = await findService(records, named ?? first?.serviceId ?? managementSlug)
  if (service !== undefined) return service
  throw new DomainError('service_not_found', 'no such service', {
    faults: [{ pointer: '/service', detail: 'names no service', fix: 'give its id (svc_…) or its slug' }],
  })
}
