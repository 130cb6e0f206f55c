import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { activateConnection } from '../../src/connections/activate-connection.ts'
import { changeConnection } from '../../src/connections/change-connection.ts'
import { type Connection, connections, getConnection } from '../../src/connections/connection.ts'
import { connectionBelongings } from '../../src/connections/connection-belongings.ts'
import { connectionContents } from '../../src/connections/connection-contents.ts'
import { connectionsGiving, takeFromMappings } from '../../src/connections/connection-holders.ts'
import { connectionTests } from '../../src/connections/connection-test.ts'
import { createConnection, type NewConnection } from '../../src/connections/create-connection.ts'
import { deleteConnection } from '../../src/connections/delete-connection.ts'
import { disableConnection } from '../../src/connections/disable-connection.ts'
import { guardedFetch } from '../../src/connections/guarded-fetch.ts'
import { rewrapConnections } from '../../src/connections/rewrap-connections.ts'
import {
  beginConnectionTest,
  finishConnectionTest,
  isTestState,
} from '../../src/connections/test-connection.ts'
import type { Operation } from '../../src/evaluator/model.ts'
import { deleteOrganization } from '../../src/organizations/delete-organization.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { deleteRole } from '../../src/roles/delete-role.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { services } from '../../src/services/service.ts'
import { update } from '../../src/storage/ports.ts'
import { granter, holderOf } from '../organizations/deployment.ts'
import { openTenants, type Tenants } from './fixture.ts'
import { clientSecret, type Misbehaviour, origin, startHandMade, upstreamFor } from './upstream.ts'
import { startServer } from './web-server.ts'

const provider = await startHandMade()
const secret = await startServer((_, response) => response.end('secret'))
afterAll(() => Promise.all([provider.close(), secret.close()]))

let at: Tenants
beforeEach(async () => {
  at = await openTenants()
  // The provider's tokens and the library's checks go by the machine's clock.
  at.time.nowMs = Date.now()
  provider.will({})
})
afterEach(() => at.store.close())

const open = guardedFetch({ allowPrivateAddressesInDevelopment: true, timeMsMax: 1_000 })
const deps = (fetch = open) => ({ ...at.deps, fetch })
const wanted = (more: Partial<NewConnection> = {}): NewConnection => ({
  ...{ name: 'Clinic sign-in', issuer: provider.issuer, clientId: 'latchkey', clientSecret, domains: [] },
  ...{ clientAuthentication: 'client_secret_basic', scopes: ['openid', 'email'], emailTrust: 'if_said' },
  signOut: 'here',
  mapping: { roles: [], tags: [], defaultRoles: [{ service: 'clinic', role: 'patients:read' }] },
  ...more,
})
const create = (more: Partial<NewConnection> = {}, giver = granter, fetch = open) =>
  createConnection(deps(fetch), at.by, giver, at.customer.id, wanted(more))
const stored = ({ id }: Connection) => getConnection(at.deps.records, at.customer.id, id)

const testing = () => ({ ...at.deps, upstream: upstreamFor(at.deps), origin })
const begin = ({ id }: Connection) => beginConnectionTest(testing(), at.by, at.customer.id, id)
const finish = ({ id }: Connection, query: string, state: string) => {
  const callbackUrl = `${origin}/connections/${id}/callback?${query}`
  return finishConnectionTest(testing(), id, { callbackUrl, state }, { requestId: 'req-3' })
}
async function run(connection: Connection, misbehaviour: Misbehaviour = {}) {
  const { url } = await begin(connection)
  const asked = new URL(url).searchParams
  provider.will(misbehaviour)
  provider.expect(asked.get('nonce') ?? '')
  const state = asked.get('state') ?? ''
  const query = `code=any&state=${encodeURIComponent(state)}`
  return { state, query, ...(await finish(connection, query, state)) }
}
async function tested(more: Partial<NewConnection> = {}) {
  await at.verifiedDomain(at.customer.id, 'clinic.example')
  const connection = await create(more)
  return (await run(connection)).connection
}
const activate = ({ id }: Connection, enforcement: 'offered' | 'required' = 'offered', giver = granter) =>
  activateConnection(at.deps, at.by, giver, at.customer.id, id, { enforcement })
async function eventsOf({ id }: Connection) {
  const events = await at.deps.records.list(at.customer.id, auditEvents, 'target', id, { limit: 50 })
  return events.map(({ type }) => type).toSorted()
}

describe('setting up a connection', () => {
  test('makes a draft, of which the client secret is sealed', async () => {
    const connection = await create()
    expect(connection).toMatchObject({ issuer: provider.issuer, state: { kind: 'draft' } })
    const raw = JSON.stringify(await stored(connection))
    expect(raw).not.toContain(clientSecret)
    const events = await at.deps.records.list(at.customer.id, auditEvents, 'all', '', { limit: 50 })
    expect(JSON.stringify(events)).not.toContain(clientSecret)
  })

  test('takes the address of the discovery document, and an origin with or without a slash, for the issuer', async () => {
    for (const issuer of [`${provider.issuer}/.well-known/openid-configuration`, `${provider.issuer}/`])
      expect((await create({ issuer })).issuer).toBe(provider.issuer)
  })

  test.each([
    [
      'calls itself something else',
      { issuer: 'https://evil.example' },
      /calls itself https:\/\/evil.example/,
    ],
    ['is below where it says it is', { issuer: `${provider.issuer}/tenant` }, /calls itself/],
    ['has no token endpoint', { token_endpoint: undefined }, /no token_endpoint/],
    ['has no keys', { jwks_uri: undefined }, /no jwks_uri/],
    ['does without PKCE', { code_challenge_methods_supported: ['plain'] }, /PKCE/],
  ])('refuses an issuer that %s, and says what was met', async (_, change, detail) => {
    provider.will({ discovery: (usual) => ({ ...usual, ...change }) })
    await expect(create()).rejects.toMatchObject({
      code: 'connection_refused',
      faults: [
        { pointer: '/issuer', detail: expect.stringMatching(detail), fix: expect.stringMatching(/./) },
      ],
    })
  })

  test.each([
    ['no address', 'idp'],
    ['a query', `${provider.issuer}/?tenant=1`],
    ['a fragment', `${provider.issuer}/#x`],
    ['a discovery path inside', `${provider.issuer}/.well-known/openid-configuration/x`],
    ['another scheme', 'ftp://idp.example'],
    ['a user name', provider.issuer.replace('://', '://ana:x@')],
  ])('refuses an issuer with %s', async (_, issuer) => {
    await expect(create({ issuer })).rejects.toMatchObject({
      code: 'connection_refused',
      faults: [{ pointer: '/issuer' }],
    })
  })

  test.each([
    ['inside', () => secret.origin.replace('http:', 'https:')],
    ['of the metadata service', () => 'https://169.254.169.254/latest'],
    ['on this machine', () => 'https://localhost:1'],
  ])('refuses an issuer %s, whatever is there', async (_, issuer) => {
    const before = secret.requests.length
    await expect(create({ issuer: issuer() }, granter, guardedFetch())).rejects.toMatchObject({
      code: 'connection_refused',
      message: expect.stringContaining('not reachable on the public network'),
      fix: expect.stringContaining('LATCHKEY_OUTGOING_HOSTS'),
    })
    expect(secret.requests).toHaveLength(before)
  })

  test.each([
    ['a role outside of the entitlement', 'billing', 'role_not_grantable'],
    ['a role that is none', 'nurse', 'role_not_found'],
  ])('gives nobody %s', async (_, role, code) => {
    const roles = [{ claim: 'groups', value: 'x', service: 'clinic', role }]
    await expect(create({ mapping: { roles, tags: [], defaultRoles: [] } })).rejects.toMatchObject({
      ...{ code, faults: [{ pointer: '/mapping/roles/0/role' }] },
    })
    const defaultRoles = [{ service: 'clinic', role }]
    await expect(create({ mapping: { roles: [], tags: [], defaultRoles } })).rejects.toMatchObject({
      ...{ code, faults: [{ pointer: '/mapping/default_roles/0/role' }] },
    })
  })

  test('gives nothing that who sets it up may not give', async () => {
    const mayNot = holderOf('createConnection')
    await expect(create({}, mayNot)).rejects.toMatchObject({ code: 'role_not_grantable' })
    const tags = [{ claim: 'ward', tag: 'team' }]
    const onlyTags = { mapping: { roles: [], tags, defaultRoles: [] } }
    await expect(create(onlyTags, mayNot)).rejects.toMatchObject({ code: 'tag_not_grantable' })
  })

  test('refuses a secret that would not be used', async () => {
    await expect(create({ clientAuthentication: 'none' })).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [{ pointer: '/client_secret' }],
    })
  })
})

describe('the test of a connection', () => {
  test('passes with what the provider said, masked, and what the mapping would give; nobody is let in', async () => {
    await at.verifiedDomain(at.customer.id, 'clinic.example')
    const connection = await create()
    const { state, ...ended } = await run(connection)
    expect(isTestState(state)).toBe(true)
    expect(ended.test.state).toMatchObject({
      ...{ kind: 'passed', tags: {}, roles: [{ serviceId: at.clinic.id, role: 'patients:read' }] },
      claims: { email: 'a…@clinic.example', sub: 'a…', iss: provider.issuer },
    })
    expect(await stored(connection)).toMatchObject({ testedAt: at.time.nowMs, state: { kind: 'draft' } })
    const { users } = await import('../../src/users/user.ts')
    expect(await at.deps.records.list(at.customer.id, users, 'all', '', { limit: 1 })).toEqual([])
    expect(await eventsOf(connection)).toEqual([
      ...['connection.created', 'connection.test_begun', 'connection.tested'],
    ])
  })

  test('fails with what was met and what to do', async () => {
    const connection = await create()
    const { test: unverified } = await run(connection)
    expect(unverified.state).toMatchObject({
      ...{ kind: 'failed', detail: 'Clinic sign-in may not speak for addresses at clinic.example' },
      ...{ fix: expect.stringContaining('verifies the domain'), claims: { email: 'a…@clinic.example' } },
    })
    const { test: wrong } = await run(connection, { claims: (usual) => ({ ...usual, aud: 'another' }) })
    expect(wrong.state).toMatchObject({ kind: 'failed', detail: expect.stringContaining('aud'), claims: {} })
    expect((await stored(connection)).testedAt).toBeUndefined()
  })

  test('ends once: what comes back again is refused, and redeems nothing', async () => {
    const connection = await tested()
    const { state, query } = await run(connection)
    const before = provider.redeemed.length
    await expect(finish(connection, query, state)).rejects.toMatchObject({ code: 'not_found' })
    expect(provider.redeemed).toHaveLength(before)
  })

  test('ends once when it comes back twice at the same time', async () => {
    await at.verifiedDomain(at.customer.id, 'clinic.example')
    const connection = await create()
    const { url } = await begin(connection)
    const asked = new URL(url).searchParams
    provider.expect(asked.get('nonce') ?? '')
    const state = asked.get('state') ?? ''
    const both = await Promise.allSettled(
      [1, 2].map(() => finish(connection, `code=any&state=${state}`, state)),
    )
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('is over after a quarter of an hour, and when another was begun', async () => {
    const connection = await create()
    const first = new URL((await begin(connection)).url).searchParams.get('state') ?? ''
    const second = new URL((await begin(connection)).url).searchParams.get('state') ?? ''
    expect(first).not.toBe(second)
    await expect(finish(connection, `code=x&state=${first}`, first)).rejects.toMatchObject({
      code: 'not_found',
    })
    at.time.nowMs += 15 * 60_000
    await expect(finish(connection, `code=x&state=${second}`, second)).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('with a state that is none, or of another connection, is refused', async () => {
    const [one, other] = [await create(), await create()]
    const state = new URL((await begin(one)).url).searchParams.get('state') ?? ''
    await begin(other)
    for (const [connection, given] of [
      [one, 'test.x'],
      [one, ''],
      [other, state],
    ] as const)
      await expect(finish(connection, `code=x&state=${given}`, given)).rejects.toMatchObject({
        code: 'not_found',
      })
  })

  test('proves nothing of what was changed meanwhile', async () => {
    await at.verifiedDomain(at.customer.id, 'clinic.example')
    const connection = await create()
    const state = new URL((await begin(connection)).url).searchParams.get('state') ?? ''
    await changeConnection(at.deps, at.by, granter, at.customer.id, connection.id, { clientId: 'other' })
    const { test: ended } = await finish(connection, `code=x&state=${state}`, state)
    expect(ended.state).toMatchObject({ kind: 'failed', detail: expect.stringContaining('changed') })
  })

  test('says what is missing, or what was met, before anybody is sent away', async () => {
    await expect(begin(await create({ clientId: undefined }))).rejects.toMatchObject({
      code: 'connection_state',
    })
    await expect(begin(await create({ clientSecret: undefined }))).rejects.toMatchObject({
      code: 'connection_state',
    })
    const connection = await create()
    provider.will({ discovery: (usual) => ({ ...usual, issuer: `${provider.issuer}/moved` }) })
    await expect(begin(connection)).rejects.toMatchObject({ code: 'connection_refused' })
  })
})

describe('an active connection', () => {
  test('was tested as it is', async () => {
    const connection = await create()
    await expect(activate(connection)).rejects.toMatchObject({ code: 'connection_state' })
    const after = await activate(await tested())
    expect(after.state).toEqual({ kind: 'active', enforcement: 'offered' })
    expect((await activate(after, 'required')).state).toEqual({ kind: 'active', enforcement: 'required' })
  })

  test('is made so only by who may grant roles: it speaks for people with any', async () => {
    const mayNot = holderOf('activateConnection', 'listPatients', 'getPatient')
    await expect(activate(await tested(), 'offered', mayNot)).rejects.toMatchObject({
      code: 'role_not_grantable',
    })
  })

  test.each([
    [{ clientId: 'other' }],
    [{ clientSecret: 'other' }],
    [{ clientAuthentication: 'client_secret_post' as const }],
    [{ scopes: ['openid'] }],
    [{ emailTrust: 'unless_denied' as const }],
  ])('stays so when it gets %j, and is no longer tested', async (change) => {
    const active = await activate(await tested())
    const after = await changeConnection(at.deps, at.by, granter, at.customer.id, active.id, change)
    expect(after.state).toEqual(active.state)
    expect(after.testedAt).toBeUndefined()
    await expect(activate(after, 'required')).rejects.toMatchObject({ code: 'connection_state' })
    const mayNot = changeConnection(at.deps, at.by, holderOf(), at.customer.id, active.id, change)
    await expect(mayNot).rejects.toMatchObject({ code: 'role_not_grantable' })
  })

  test('gives no roles that allow more together than who changes its mapping may give', async () => {
    const { id } = await activate(await tested())
    // Needs the scopes of both.
    const merging: Operation = {
      ...{ id: 'mergePatients', method: 'POST', path: '/patients/merge', parameters: {} },
      alternatives: [['patients:read', 'patients:write']],
    }
    const model = { ...at.clinic.model, operations: [...at.clinic.model.operations, merging] }
    await at.store.commit([update(services, at.clinic, { ...at.clinic, model })])
    const reads = { service: 'clinic', role: 'patients:read' }
    const writes = { service: 'clinic', role: 'patients:write' }
    const each = ['listPatients', 'getPatient', 'createPatient']
    const map = (given: Partial<NewConnection['mapping']>, giver = holderOf(...each)) => {
      const mapping = { roles: [], tags: [], defaultRoles: [], ...given }
      return changeConnection(at.deps, at.by, giver, at.customer.id, id, { mapping })
    }
    const rule = { claim: 'groups', value: 'staff' }
    const byRules = [reads, writes].map((one) => ({ ...rule, ...one }))
    for (const [pointer, together] of [
      ['/mapping/roles', { roles: byRules }],
      ['/mapping/default_roles', { defaultRoles: [reads, writes] }],
    ] as const) {
      await expect(map(together)).rejects.toMatchObject({
        ...{ code: 'role_not_grantable', faults: [{ pointer }] },
        data: { operations: ['mergePatients'] },
      })
      await map(together, holderOf(...each, 'mergePatients'))
      await map(together, granter)
    }
    for (const role of [reads, writes])
      expect((await map({ defaultRoles: [role] })).mapping.defaultRoles).toHaveLength(1)
    // Nobody signs in by a rule and by default.
    const apart = await map({ roles: byRules.slice(0, 1), defaultRoles: [writes] })
    expect(apart.mapping.defaultRoles).toHaveLength(1)
  })

  test('keeps its secret when only the way to send it changes', async () => {
    const { id, authentication } = await create()
    const change = { clientAuthentication: 'client_secret_post' } as const
    const after = await changeConnection(at.deps, at.by, granter, at.customer.id, id, change)
    expect(after.authentication).toEqual({ ...authentication, kind: 'client_secret_post' })
    const none = { clientAuthentication: 'none' } as const
    expect(
      (await changeConnection(at.deps, at.by, granter, at.customer.id, id, none)).authentication,
    ).toEqual({
      kind: 'none',
    })
  })

  test('keeps its test when only its name changes', async () => {
    const connection = await tested()
    const change = { name: 'Sign-in', domains: ['clinic.example'] }
    const after = await changeConnection(at.deps, at.by, granter, at.customer.id, connection.id, change)
    expect(after).toMatchObject({ ...change, testedAt: connection.testedAt })
  })

  test('is switched off and on', async () => {
    const active = await activate(await tested())
    const off = await disableConnection(at.deps, at.by, at.customer.id, active.id, {})
    expect(off.state.kind).toBe('disabled')
    expect((await activate(off)).state.kind).toBe('active')
    expect(await eventsOf(active)).toEqual([
      ...['connection.activated', 'connection.activated', 'connection.created', 'connection.disabled'],
      ...['connection.test_begun', 'connection.tested'],
    ])
  })

  test('goes with its test', async () => {
    const connection = await tested()
    await deleteConnection(at.deps, at.by, at.customer.id, connection.id, {})
    await expect(stored(connection)).rejects.toMatchObject({ code: 'connection_not_found' })
    expect(await at.deps.records.find(at.customer.id, connectionTests, connection.id)).toBeUndefined()
  })
})

describe('what a mapping gives goes', () => {
  async function givingOwnRole() {
    const role = await createRole(at.deps, at.by, granter, at.customer.id, {
      ...{ service: 'clinic', name: 'Reader', description: '', allow: [{ operations: ['listPatients'] }] },
    })
    const given = { service: 'clinic', role: role.id }
    const roles = [{ claim: 'groups', value: 'nurses', ...given }]
    return { role, connection: await create({ mapping: { roles, tags: [], defaultRoles: [given] } }) }
  }

  test('with a deleted role, which says before that it is held', async () => {
    const { role, connection } = await givingOwnRole()
    const held = {
      ...at.deps,
      ...{ holdersOf: [connectionsGiving(at.deps.records)], endHolders: [takeFromMappings(at.deps)] },
    }
    const remove = (cascade: boolean) => deleteRole(held, at.by, at.customer.id, role.id, { cascade })
    await expect(remove(false)).rejects.toMatchObject({
      code: 'role_held',
      data: { holders: [{ kind: 'connection', id: connection.id }] },
    })
    await remove(true)
    expect((await stored(connection)).mapping).toEqual({ roles: [], tags: [], defaultRoles: [] })
  })

  test('with a deleted service', async () => {
    const { connection } = await givingOwnRole()
    const contents = connectionContents(at.deps)
    expect(await contents.count(at.clinic, 10)).toBe(1)
    await contents.tidy(at.by, at.clinic)
    expect((await stored(connection)).mapping.defaultRoles).toEqual([])
    expect(await contents.count(at.clinic, 10)).toBe(0)
  })

  test('with the organization', async () => {
    const connection = await tested()
    const belongings = [connectionBelongings(at.deps)]
    await deleteOrganization({ ...at.deps, belongings }, at.by, at.customer.id, { confirm: 'riverside' })
    expect(await at.deps.records.list(at.customer.id, connections, 'all', '', { limit: 1 })).toEqual([])
    expect(await at.deps.records.find(at.customer.id, connectionTests, connection.id)).toBeUndefined()
  })
})

test('a client secret is sealed anew under a new deployment secret, and opens', async () => {
  const connection = await create()
  const old = at.deps.secrets.ids[0]
  const text = 'another-deployment-secret-of-32-random-bytes-1234567890'
  const secrets = deploymentSecrets([text, at.secretText], at.deps.random)
  const rewrap = rewrapConnections({ records: at.deps.records, commit: at.store.commit, secrets })
  expect(await rewrap.count(old, 10)).toBe(1)
  expect(await rewrap.rewrap(old, 10)).toBe(1)
  expect(await rewrap.count(old, 10)).toBe(0)
  const { authentication, id } = await stored(connection)
  if (authentication.kind === 'none' || authentication.sealedSecret === undefined)
    throw new Error('no secret')
  const alone = deploymentSecrets([text], at.deps.random)
  expect(alone.open('connection-secrets', id, authentication.sealedSecret).toString()).toBe(clientSecret)
})
