import type { Actor, Commit } from '../audit/record.ts'
import { type ConnectionId, type OrganizationId, parseId, type ServiceId } from '../ids.ts'
import { domainName, domainOfEmail, locateVerifiedDomain } from '../organizations/domain.ts'
import { type Organization, organizations } from '../organizations/organization.ts'
import { slugPattern } from '../organizations/slug.ts'
import { entitledRoles, entitlements } from '../services/entitlement.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { usersByEmail } from '../users/find-user.ts'
import type { User } from '../users/user.ts'
import { activeConnections, type Connection, findConnection, speakerFor } from './connection.ts'

/** Why a person is sent where they are sent. */
export type RoutingReason =
  | 'organization'
  | 'connection'
  | 'domain_hint'
  | 'login_hint'
  | 'remembered'
  | 'email'
  /** The only organization that knows the address, which was proven. */
  | 'proven_email'
  /** One of several that know the proven address. */
  | 'choice'

/** Which organization a person belongs to, as far as a stranger may learn it. */
export type Discovery =
  | {
      readonly kind: 'found'
      readonly organizationId: OrganizationId
      /** Absent: the person signs in here, with a password. Only for what was proven at this browser, now or before. */
      readonly connectionId?: ConnectionId
      readonly reason: RoutingReason
    }
  | { readonly kind: 'ask_email' }
  /** Nothing more is said before the address is proven by a mailed code. */
  | { readonly kind: 'prove_email'; readonly email: string }

/** What is known of a person before they have said who they are. All but `remembered` come from strangers. */
export interface Hints {
  /** Slug or id. */
  readonly organization?: string | undefined
  readonly connection?: string | undefined
  readonly domainHint?: string | undefined
  readonly loginHint?: string | undefined
  /** What this browser chose before, after a proof, as we have signed it. */
  readonly remembered?: { readonly organizationId: OrganizationId; readonly email: string } | undefined
  /** What the person has typed. */
  readonly email?: string | undefined
}

interface Deps {
  /** The store's own, not the cache's: what is warm would tell by its time who was there. */
  readonly records: Records
}

/** The service that people come to; given, since its model is too large to be read again for each of them. */
type ServiceHere = Pick<Service, 'id' | 'model'>

/** What a hint leads to: an organization that may use the service, with the connection of it. */
interface Through {
  readonly organizationId: OrganizationId
  readonly connectionId: ConnectionId
}

/**
 * Finds the person's organization, in this order: `organization`, `connection`, `domain_hint`, `login_hint`, what the
 * browser remembers, what the person types. A stranger's hints lead only to a connection, which whoever follows it sees:
 * an organization without one, and one that does not exist, are answered alike, after the same reads.
 */
export async function discoverTenant(deps: Deps, service: ServiceHere, hints: Hints): Promise<Discovery> {
  const { organization, connection, domainHint, loginHint, remembered, email } = hints
  if (email !== undefined) return await discoverByEmail(deps, service, hints, email, 'email')
  if (organization !== undefined) {
    const route = await routeOfOrganization(deps, service, organization, domainOfEmail(loginHint ?? ''))
    return route === undefined ? asked(loginHint) : found(route, 'organization')
  }
  if (connection !== undefined) {
    const route = await routeOfConnection(deps, service, connection)
    return route === undefined ? asked(loginHint) : found(route, 'connection')
  }
  if (domainHint !== undefined) {
    const route = await routeOfDomain(deps, service, domainName(domainHint))
    if (route !== undefined) return found(route, 'domain_hint')
  }
  if (loginHint !== undefined && domainOfEmail(loginHint) !== undefined)
    return await discoverByEmail(deps, service, hints, loginHint, 'login_hint')
  if (remembered !== undefined) {
    const route = await routeOfRemembered(deps, service, remembered)
    if (route !== undefined) return route
  }
  return { kind: 'ask_email' }
}

function found(route: Through, reason: RoutingReason): Discovery {
  return { kind: 'found', ...route, reason }
}

function asked(loginHint: string | undefined): Discovery {
  return loginHint === undefined || domainOfEmail(loginHint) === undefined
    ? { kind: 'ask_email' }
    : { kind: 'prove_email', email: loginHint }
}

/** A hint at an organization is not overruled by an address: who is of another proves the address first. */
async function discoverByEmail(
  deps: Deps,
  service: ServiceHere,
  { organization, connection }: Hints,
  email: string,
  reason: 'email' | 'login_hint',
): Promise<Discovery> {
  const route = await routeOfDomain(deps, service, domainOfEmail(email))
  const place = route && (await deps.records.find(route.organizationId, organizations, route.organizationId))
  const isOther = organization !== undefined && organization !== place?.id && organization !== place?.slug
  if (route === undefined || isOther || (connection !== undefined && connection !== route.connectionId))
    return { kind: 'prove_email', email }
  return found(route, reason)
}

/** Names nothing: the same is read for what is unknown as for what is known. */
const nowhere = 'org_00000000000000000000000000' as OrganizationId

async function routeOfDomain(
  deps: Deps,
  service: ServiceHere,
  name: string | undefined,
): Promise<Through | undefined> {
  const place = await locateVerifiedDomain(deps.records, name ?? '')
  return await routeWithin(deps, service, place?.organizationId ?? nowhere, name)
}

async function routeOfOrganization(
  deps: Deps,
  service: ServiceHere,
  slugOrId: string,
  domain: string | undefined,
): Promise<Through | undefined> {
  const slug = slugPattern.test(slugOrId) ? slugOrId : ''
  const [place] = await deps.records.locate(organizations, 'slug', slug, { limit: 1 })
  return await routeWithin(
    deps,
    service,
    parseId('org', slugOrId) ?? place?.organizationId ?? nowhere,
    domain,
  )
}

async function routeOfConnection(deps: Deps, service: ServiceHere, id: string): Promise<Through | undefined> {
  const connectionId = parseId('con', id)
  const connection = connectionId && (await findConnection(deps.records, connectionId))
  const { usable, active } = await tenant(deps, service, connection?.organizationId ?? nowhere)
  const chosen = active.find((one) => one.id === connectionId)
  return usable === undefined || chosen === undefined ? undefined : routeTo(chosen)
}

async function routeWithin(
  deps: Deps,
  service: ServiceHere,
  organizationId: OrganizationId,
  domain: string | undefined,
): Promise<Through | undefined> {
  const { usable, active } = await tenant(deps, service, organizationId)
  const chosen = domain === undefined ? oneOf(active) : speakerFor(active, domain)
  return usable === undefined || chosen === undefined ? undefined : routeTo(chosen)
}

/** Without a domain to go by, only where there is no choice. */
function oneOf([first, ...others]: readonly Connection[]): Connection | undefined {
  return others.length === 0 ? first : undefined
}

function routeTo({ id, organizationId }: Connection): Through {
  return { organizationId, connectionId: id }
}

/** As if the address were proven anew: who has a password there is not sent to a connection that is not theirs. */
async function routeOfRemembered(
  deps: Deps,
  service: ServiceHere,
  { organizationId, email }: NonNullable<Hints['remembered']>,
): Promise<Discovery | undefined> {
  const known = await tenantsOfProvenEmail(deps, service, email)
  const place = known.find((one) => one.organizationId === organizationId)
  if (place === undefined) return undefined
  const through = place.connectionId === undefined ? {} : { connectionId: place.connectionId }
  return { kind: 'found', organizationId, ...through, reason: 'remembered' }
}

/** An organization, if its people may come in at the service, and its connections. The same reads whatever is found. */
async function tenant(
  { records }: Deps,
  service: ServiceHere,
  organizationId: OrganizationId,
): Promise<{ readonly usable: Organization | undefined; readonly active: readonly Connection[] }> {
  const [organization, active, entitlement] = await Promise.all([
    records.find(organizationId, organizations, organizationId),
    activeConnections(records, organizationId),
    records.find(organizationId, entitlements, service.id),
  ])
  const isUsable =
    organization?.state.kind === 'active' &&
    entitledRoles(service.model, organization, entitlement).length > 0
  return { usable: isUsable ? organization : undefined, active }
}

/** Where somebody who has proven an address may go. */
export interface Tenant {
  readonly organizationId: OrganizationId
  readonly name: string
  readonly how: 'password' | 'connection'
  readonly connectionId?: ConnectionId
}

/**
 * The organizations that know this address, in the order of their making. Only for who has proven it: it says who is a
 * customer. Somebody who was only invited is known where a connection lets them in.
 */
export async function tenantsOfProvenEmail(
  deps: Deps,
  service: ServiceHere,
  email: string,
): Promise<readonly Tenant[]> {
  const people = (await usersByEmail(deps.records, email)).filter(({ state }) => state.kind !== 'disabled')
  const tenants = await Promise.all(people.map((user) => tenantOf(deps, service, user)))
  return tenants.filter((one) => one !== undefined)
}

async function tenantOf(deps: Deps, service: ServiceHere, user: User): Promise<Tenant | undefined> {
  const { organizationId } = user
  const { usable, active } = await tenant(deps, service, organizationId)
  if (usable === undefined) return undefined
  const { name } = usable
  const connection = await connectionOf(deps, user, active)
  // Who has a password chooses it where the connection is only offered.
  const isTaken = connection !== undefined && (isRequired(connection) || user.password === undefined)
  if (isTaken) return { organizationId, name, how: 'connection', connectionId: connection.id }
  return user.state.kind === 'active' ? { organizationId, name, how: 'password' } : undefined
}

async function connectionOf(
  { records }: Deps,
  { email, organizationId }: User,
  active: readonly Connection[],
): Promise<Connection | undefined> {
  const domain = domainOfEmail(email)
  if (domain === undefined) return undefined
  const place = await locateVerifiedDomain(records, domain)
  return place?.organizationId === organizationId ? speakerFor(active, domain) : undefined
}

function isRequired({ state }: Connection): boolean {
  return state.kind === 'active' && state.enforcement === 'required'
}

/**
 * The connection through which alone this user may sign in, if there is one: a password is refused then.
 */
export async function requiredConnection({ records }: Deps, user: User): Promise<Connection | undefined> {
  const connection = await connectionOf(
    { records },
    user,
    await activeConnections(records, user.organizationId),
  )
  return connection !== undefined && isRequired(connection) ? connection : undefined
}

/** Tells an organization's trail that somebody was sent to it, and why: "why was I sent here". */
export async function recordRouting(
  { commit }: { readonly commit: Commit },
  { organizationId, connectionId, reason }: Omit<Extract<Discovery, { kind: 'found' }>, 'kind'>,
  {
    serviceId,
    requestId,
    address,
  }: { serviceId: ServiceId; requestId: string; address?: string | undefined },
): Promise<void> {
  const by: Actor = {
    ...{ kind: 'system', id: 'tenant-discovery', organizationId, requestId },
    ...(address === undefined ? {} : { address }),
  }
  const details = { reason, service_id: serviceId, connection_id: connectionId ?? null }
  await commit(
    { type: 'person.routed', organizationId, target: connectionId ?? organizationId, by, details },
    [],
  )
}
