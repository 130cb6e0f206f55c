// Organizations with verified domains and identity providers of their own, beside a service and an app, over HTTP.
import type * as client from 'openid-client'
import { type AuditEvent, auditEvents } from '../../src/audit/record.ts'
import { type Connection, connections } from '../../src/connections/connection.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { type Domain, domains } from '../../src/organizations/domain.ts'
import { type User, users } from '../../src/users/user.ts'
import { connectionTo, type Misbehaviour, startHandMade } from '../connections/upstream.ts'
import { appOf, appUri, ask } from './app.ts'
import { Browser, type Seen } from './browser.ts'
import { clock, newId, startWorld } from './fixture.ts'

/** Whom the hand-made provider knows. */
export const ana = 'ana@clinic.example'

export async function startTenants(options: Parameters<typeof startWorld>[0] = {}) {
  const world = await startWorld(options)
  const provider = await startHandMade()
  const { organization, secrets } = world
  const addDomain = (organizationId: OrganizationId, name: string) => {
    const at = clock()
    const state = { kind: 'verified', verifiedAt: at, lastSeenAt: at, readAt: at } as const
    const id = newId('dom')
    return world.add<Domain>(domains, {
      ...{ id, organizationId, version: 1, name, proof: 'p', state, createdAt: at },
    })
  }
  const addConnection = (
    organizationId: OrganizationId,
    more: Partial<Connection> = {},
    issuer = provider.issuer,
  ) => {
    const id = newId('con')
    return world.add<Connection>(connections, connectionTo(issuer, { secrets, id, organizationId }, more))
  }
  const domain = await addDomain(organization.id, 'clinic.example')
  const mapping: Connection['mapping'] = {
    roles: [{ claim: 'groups', value: 'nurses', serviceId: world.service.id, role: 'nurse' }],
    tags: [{ claim: 'ward', tag: 'ward' }],
    defaultRoles: [{ serviceId: world.service.id, role: 'desk' }],
  }
  const connection = await addConnection(organization.id, { mapping })
  const app = await world.addKey({ name: 'Calendar', redirectUris: [appUri] })
  const config = await appOf(world, app)
  return {
    ...{ world, provider, domain, connection, app, config, addDomain, addConnection },
    events: (type: AuditEvent['type'], organizationId = organization.id) =>
      world.store.records.list(organizationId, auditEvents, 'type', type, {
        limit: 50,
        order: 'newest_first',
      }),
    stop: async () => {
      await world.stop()
      await provider.close()
    },
  }
}

export type Tenants = Awaited<ReturnType<typeof startTenants>>

/** An app's request that is under way in a browser. */
export interface Sent {
  readonly browser: Browser
  readonly seen: Seen
  readonly checks: client.AuthorizationCodeGrantChecks
}

/** Opens an app's request in a browser. */
export async function open(
  { world, config }: Tenants,
  more: Record<string, string> = {},
  browser = new Browser(world.origin),
): Promise<Sent> {
  const { url, checks } = await ask(config, { scope: 'openid patients:read', more })
  return { browser, seen: await browser.open(url), checks }
}

/** Where the provider sends a browser back to that has been sent to it. */
export function wayBack(
  { provider }: Tenants,
  { url }: Seen,
  changes: Record<string, string> = {},
  misbehaviour: Misbehaviour = {},
): URL {
  provider.will(misbehaviour)
  provider.expect(url.searchParams.get('nonce') ?? '')
  const back = new URL(url.searchParams.get('redirect_uri') ?? '')
  const state = url.searchParams.get('state') ?? ''
  back.search = new URLSearchParams({ code: 'any', state, ...changes }).toString()
  return back
}

/** From an app's request by the address to the provider and back: what the person sees then. */
export async function comeThrough(
  tenants: Tenants,
  misbehaviour: Misbehaviour = {},
  browser = new Browser(tenants.world.origin),
): Promise<Sent> {
  const { seen: page, ...sent } = await open(tenants, {}, browser)
  const away = await browser.submit(page, { email: ana })
  return { ...sent, seen: await browser.open(wayBack(tenants, away, {}, misbehaviour)) }
}

export async function userOf({ world }: Tenants, email = ana): Promise<User | undefined> {
  const [found] = await world.store.records.list(world.organization.id, users, 'email', email, { limit: 1 })
  return found
}
