import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import type { Connection } from '../../src/connections/connection.ts'
import {
  discoverTenant,
  type Hints,
  recordRouting,
  requiredConnection,
  tenantsOfProvenEmail,
} from '../../src/connections/tenant-discovery.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { removeDomain } from '../../src/organizations/remove-domain.ts'
import { suspendOrganization } from '../../src/organizations/suspend-organization.ts'
import { setEntitlement } from '../../src/services/set-entitlement.ts'
import type { Records } from '../../src/storage/ports.ts'
import { openTenants, type Tenants } from './fixture.ts'

let at: Tenants
let withSso: OrganizationId
let sso: Connection
/** Verified, and without single sign-on. */
let without: OrganizationId
beforeEach(async () => {
  at = await openTenants()
  withSso = (await at.organization('Riverside North')).id
  without = (await at.organization('Hillside')).id
  await at.verifiedDomain(withSso, 'north.example')
  await at.verifiedDomain(without, 'hillside.example')
  sso = await at.connection(withSso)
})
afterEach(() => at.store.close())

const discover = (hints: Hints) => discoverTenant(at.deps, at.clinic, hints)
const found = (reason: string) => ({ kind: 'found', organizationId: withSso, connectionId: sso.id, reason })

describe('a person is sent to their organization', () => {
  test('by each hint, and the reason is the hint', async () => {
    expect(await discover({ organization: 'riverside-north' })).toEqual(found('organization'))
    expect(await discover({ organization: withSso })).toEqual(found('organization'))
    expect(await discover({ connection: sso.id })).toEqual(found('connection'))
    expect(await discover({ domainHint: 'North.Example' })).toEqual(found('domain_hint'))
    expect(await discover({ loginHint: 'ana@north.example' })).toEqual(found('login_hint'))
    await at.user(withSso, 'ana@north.example')
    const remembered = { organizationId: withSso, email: 'ana@north.example' }
    expect(await discover({ remembered })).toEqual(found('remembered'))
    expect(await discover({ email: 'ana@north.example' })).toEqual(found('email'))
  })

  test('by the first of the hints, in the order of the design', async () => {
    const other = await at.organization('Other')
    await at.verifiedDomain(other.id, 'other.example')
    const theirs = await at.connection(other.id)
    await at.user(withSso, 'ana@north.example')
    await at.user(other.id, 'bob@other.example')
    const hints: Hints[] = [
      { organization: 'riverside-north' },
      { connection: sso.id },
      { domainHint: 'north.example' },
      { loginHint: 'ana@north.example' },
      { remembered: { organizationId: withSso, email: 'ana@north.example' } },
    ]
    const others: Hints[] = [
      { organization: 'other' },
      { connection: theirs.id },
      { domainHint: 'other.example' },
      { loginHint: 'bob@other.example' },
      { remembered: { organizationId: other.id, email: 'bob@other.example' } },
    ]
    for (const [i, hint] of hints.entries())
      for (const later of others.slice(i + 1))
        expect(await discover({ ...later, ...hint })).toMatchObject({ organizationId: withSso })
  })

  test('not by an address, where the app has asked for another organization', async () => {
    for (const organization of ['hillside', 'nobody', without])
      expect(await discover({ organization, email: 'ana@north.example' })).toEqual({
        kind: 'prove_email',
        email: 'ana@north.example',
      })
    expect(await discover({ organization: 'riverside-north', email: 'ana@north.example' })).toEqual(
      found('email'),
    )
  })

  test('to the connection that names the domain, else to the oldest that names none', async () => {
    await at.verifiedDomain(withSso, 'partners.example')
    const partners = await at.connection(withSso, { domains: ['partners.example'] })
    await at.connection(withSso)
    expect(await discover({ email: 'bob@partners.example' })).toMatchObject({ connectionId: partners.id })
    expect(await discover({ email: 'ana@north.example' })).toMatchObject({ connectionId: sso.id })
    // Nothing says which of them.
    expect(await discover({ organization: 'riverside-north' })).toEqual({ kind: 'ask_email' })
    const hinted = { organization: 'riverside-north', loginHint: 'bob@partners.example' }
    expect(await discover(hinted)).toMatchObject({ connectionId: partners.id, reason: 'organization' })
  })

  test('to a password where the browser remembers an organization without single sign-on', async () => {
    await at.user(without, 'ana@hillside.example')
    const remembered = { organizationId: without, email: 'ana@hillside.example' }
    expect(await discover({ remembered })).toEqual({
      ...{ kind: 'found', organizationId: without, reason: 'remembered' },
    })
  })

  test('to a password where the one who is remembered is not of the connection’s domains', async () => {
    await at.user(withSso, 'guest@elsewhere.example')
    const remembered = { organizationId: withSso, email: 'guest@elsewhere.example' }
    expect(await discover({ remembered })).toEqual({
      ...{ kind: 'found', organizationId: withSso, reason: 'remembered' },
    })
  })

  test('nowhere where the one who is remembered is there no longer', async () => {
    const remembered = { organizationId: without, email: 'gone@hillside.example' }
    expect(await discover({ remembered })).toEqual({ kind: 'ask_email' })
  })
})

describe('a stranger is told nothing', () => {
  const asksEmail = { kind: 'ask_email' }
  test('of organizations', async () => {
    for (const organization of ['hillside', without, 'nobody', '', 'org_x', '../x', 'a'.repeat(5000)])
      expect(await discover({ organization })).toEqual(asksEmail)
  })

  test('of domains', async () => {
    for (const domainHint of ['hillside.example', 'nobody.example', '', '*', 'north.example/x'])
      expect(await discover({ domainHint })).toEqual(asksEmail)
  })

  test('of addresses', async () => {
    await at.user(without, 'ana@hillside.example')
    for (const email of [
      'ana@hillside.example',
      'bob@hillside.example',
      'ana@nobody.example',
      'not an address',
    ])
      expect(await discover({ email })).toEqual({ kind: 'prove_email', email })
  })

  test('of connections that are not in use', async () => {
    const draft = await at.connection(without, { state: { kind: 'draft' } })
    for (const connection of [draft.id, 'con_00000000000000000000000000', 'x'])
      expect(await discover({ connection })).toEqual(asksEmail)
    expect(await discover({ email: 'ana@hillside.example' })).toMatchObject({ kind: 'prove_email' })
  })

  test('of a suspended organization, of one without an entitlement, of a domain given up', async () => {
    const email = 'ana@north.example'
    await setEntitlement(at.deps, at.by, withSso, at.clinic.id, { roles: [] })
    expect(await discover({ email })).toEqual({ kind: 'prove_email', email })
    await setEntitlement(at.deps, at.by, withSso, at.clinic.id, { roles: ['patients:read'] })
    expect(await discover({ email })).toEqual(found('email'))
    await suspendOrganization(at.deps, at.by, withSso, { reason: 'unpaid' })
    expect(await discover({ email })).toEqual({ kind: 'prove_email', email })
    const domain = await at.verifiedDomain((await at.organization('Last')).id, 'last.example')
    await at.connection(domain.organizationId)
    expect(await discover({ email: 'ana@last.example' })).toMatchObject({ kind: 'found' })
    await removeDomain(at.deps, at.by, domain.organizationId, domain.id, {})
    expect(await discover({ email: 'ana@last.example' })).toMatchObject({ kind: 'prove_email' })
  })

  test('by what is read: an unknown domain takes the reads of a known one without single sign-on', async () => {
    const readsFor = async (hints: Hints) => {
      const reads: string[] = []
      const { records } = at.deps
      const counted: Records = {
        find: (organizationId, from, id) => {
          reads.push(`find ${from.name}`)
          return records.find(organizationId, from, id)
        },
        list: (organizationId, from, index, key, page) => {
          reads.push(`list ${from.name} ${index}`)
          return records.list(organizationId, from, index, key, page)
        },
        locate: (from, index, key, page) => {
          reads.push(`locate ${from.name} ${index}`)
          return records.locate(from, index, key, page)
        },
      }
      await discoverTenant({ records: counted }, at.clinic, hints)
      return reads
    }
    for (const [known, unknown] of [
      [{ email: 'ana@hillside.example' }, { email: 'ana@nobody.example' }],
      [{ loginHint: 'ana@hillside.example' }, { loginHint: 'ana@nobody.example' }],
      [{ domainHint: 'hillside.example' }, { domainHint: 'nobody.example' }],
      [{ organization: 'hillside' }, { organization: 'nobody' }],
    ] as const) {
      const reads = await readsFor(known)
      expect(reads.length).toBeGreaterThan(3)
      expect(await readsFor(unknown)).toEqual(reads)
    }
  })
})

describe('who has proven an address', () => {
  const tenants = (email: string) => tenantsOfProvenEmail(at.deps, at.clinic, email)
  const hash = { sealedHash: 'v1$x$y', changedAt: 1 }

  test('is shown each organization that knows it, and the way in', async () => {
    await at.user(without, 'Ana@north.example', { password: hash })
    await at.user(withSso, 'ana@north.example')
    expect(await tenants('ANA@north.example')).toEqual([
      { organizationId: withSso, name: 'Riverside North', how: 'connection', connectionId: sso.id },
      { organizationId: without, name: 'Hillside', how: 'password' },
    ])
    expect(await tenants('bob@north.example')).toEqual([])
  })

  test('uses the password that they have where single sign-on is only offered, and not where it is required', async () => {
    const user = await at.user(withSso, 'ana@north.example', { password: hash })
    expect(await tenants('ana@north.example')).toMatchObject([{ how: 'password' }])
    expect(await requiredConnection(at.deps, user)).toBeUndefined()
    await at.connection(withSso, {
      ...{ domains: ['north.example'], state: { kind: 'active', enforcement: 'required' } },
    })
    expect(await tenants('ana@north.example')).toMatchObject([{ how: 'connection' }])
    expect(await requiredConnection(at.deps, user)).toMatchObject({ domains: ['north.example'] })
  })

  test('is not required to use a connection that may not speak for their address', async () => {
    await at.connection(without, { state: { kind: 'active', enforcement: 'required' } })
    const user = await at.user(without, 'guest@nobody.example', { password: hash })
    expect(await tenants('guest@nobody.example')).toMatchObject([{ how: 'password' }])
    expect(await requiredConnection(at.deps, user)).toBeUndefined()
  })

  test('is not shown where they are disabled, or only invited to a password, or nobody is let in', async () => {
    await at.user(without, 'ana@x.example', { state: { kind: 'disabled', disabledAt: 1 } })
    await at.user(withSso, 'ana@x.example', { state: { kind: 'invited' } })
    const suspended = await at.organization('Suspended')
    await at.user(suspended.id, 'ana@x.example')
    await suspendOrganization(at.deps, at.by, suspended.id, { reason: 'unpaid' })
    expect(await tenants('ana@x.example')).toEqual([])
    await at.user(withSso, 'bob@north.example', { state: { kind: 'invited' } })
    expect(await tenants('bob@north.example')).toMatchObject([{ how: 'connection' }])
  })
})

test("why somebody was sent there stands in the organization's own trail", async () => {
  const way = await discover({ email: 'ana@north.example' })
  if (way.kind !== 'found') throw new Error('not found')
  const arrived = { serviceId: at.clinic.id, requestId: 'req-7', address: '192.0.2.1' }
  await recordRouting(at.deps, way, arrived)
  const events = await at.deps.records.list(withSso, auditEvents, 'type', 'person.routed', { limit: 5 })
  expect(events).toMatchObject([
    {
      target: sso.id,
      by: { kind: 'system', requestId: 'req-7', address: '192.0.2.1' },
      details: { reason: 'email', service_id: at.clinic.id, connection_id: sso.id },
    },
  ])
})
