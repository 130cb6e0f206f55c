import type { Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { NewId } from '../ids.ts'
import { domainOfEmail, locateVerifiedDomain } from '../organizations/domain.ts'
import { organizations } from '../organizations/organization.ts'
import type { Records } from '../storage/ports.ts'
import { provisionUser, type UpstreamPerson } from '../users/provision-user.ts'
import type { User } from '../users/user.ts'
import { emailAddress } from '../users/wire.ts'
import { activeConnections, type Connection } from './connection.ts'
import { mapped } from './mapping.ts'
import type { UpstreamIdentity } from './upstream-sign-in.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/** The request that brought the person. */
export interface Arrived {
  readonly requestId: string
  readonly address?: string | undefined
}

/**
 * The user that signed in through a connection: made at the first time, with the roles and tags of the mapping, which are
 * brought up to date at each.
 * @throws {DomainError} `sign_in_refused`, with a `fix`, if the connection may not speak for this person, or the person
 * may not come in
 */
export async function signInThrough(
  deps: Deps,
  connection: Connection,
  identity: UpstreamIdentity,
  arrived: Arrived,
): Promise<User> {
  const { organizationId, name, state } = connection
  if (state.kind !== 'active')
    throw refused(`${name} is ${state.kind}`, 'an administrator tests the connection and makes it active')
  const organization = await deps.records.find(organizationId, organizations, organizationId)
  if (organization?.state.kind !== 'active')
    throw refused('the organization is suspended', 'its administrators speak with the operator')
  const person = await personSaid(deps.records, connection, identity)
  try {
    return await provisionUser(deps, organizationId, { ...person, ...arrived })
  } catch (cause) {
    throw notLetIn(cause)
  }
}

function notLetIn(cause: unknown): unknown {
  if (hasCode(cause, 'user_state'))
    return refused(
      'this person is disabled here',
      'an administrator of the organization enables the user',
      cause,
    )
  if (hasCode(cause, 'already_exists'))
    return refused(cause.message, cause.fix ?? 'ask an administrator of the organization', cause)
  return cause
}

/**
 * Who the provider says this is, if it may say so: with a verified address of a verified domain for which the connection
 * speaks.
 * @throws {DomainError} `sign_in_refused`
 */
export async function personSaid(
  records: Records,
  connection: Connection,
  { subject, email, emailVerified, name, attributes }: UpstreamIdentity,
): Promise<Omit<UpstreamPerson, keyof Arrived>> {
  if (email === undefined)
    throw refused(
      'the identity provider tells no e-mail address',
      'let it send the claim email, or ask for the scope that does',
    )
  const address = emailAddress.safeParse(email)
  if (!address.success)
    throw refused('the identity provider tells an e-mail address that is none', 'correct it there')
  if (!(emailVerified ?? connection.emailTrust === 'unless_denied'))
    throw refused(
      'the identity provider does not say that the e-mail address is verified',
      emailVerified === false
        ? 'verify the address there'
        : 'let it send email_verified; if it verifies all addresses and never says so, set email_trust to unless_denied',
    )
  await refuseOtherDomains(records, connection, address.data)
  const { roles, tags } = mapped(connection.mapping, attributes)
  return {
    connectionId: connection.id,
    subject,
    email: address.data,
    emailVerified: true,
    name: shownName(name),
    roles,
    tags,
  }
}

async function refuseOtherDomains(records: Records, connection: Connection, email: string): Promise<void> {
  const domain = domainOfEmail(email)
  if (domain !== undefined && (await speaksFor(records, connection, domain))) return
  throw refused(
    `${connection.name} may not speak for addresses at ${domain ?? 'this domain'}`,
    'the organization verifies the domain, and names it at no other connection',
  )
}

/** Whether people of the domain are this connection's: the domain is verified, and the organization's own. */
async function speaksFor(
  records: Records,
  { id, organizationId, domains, state }: Connection,
  domain: string,
): Promise<boolean> {
  if ((await locateVerifiedDomain(records, domain))?.organizationId !== organizationId) return false
  if (domains.length > 0) return domains.includes(domain)
  const others = (await activeConnections(records, organizationId)).filter((one) => one.id !== id)
  // One that is only being tested takes no domain from those in use.
  return state.kind !== 'active' || !others.some((one) => one.domains.includes(domain))
}

/** What does not fit a name is left out: a name is shown, and decides nothing. */
function shownName(name: string | undefined): string | undefined {
  const shown = name?.replaceAll(/\p{C}/gu, '').trim().slice(0, 100)
  return shown === '' ? undefined : shown
}

function refused(message: string, fix: string, cause?: unknown): DomainError {
  return new DomainError('sign_in_refused', message, { fix, ...(cause === undefined ? {} : { cause }) })
}
