import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../src/connections/connection.ts'
import { signInThrough } from '../../src/connections/sign-in-through.ts'
import type { UpstreamIdentity } from '../../src/connections/upstream-sign-in.ts'
import { suspendOrganization } from '../../src/organizations/suspend-organization.ts'
import { revocations } from '../../src/revocations/revocation.ts'
import { disableUser } from '../../src/users/disable-user.ts'
import { users } from '../../src/users/user.ts'
import { openTenants, type Tenants } from './fixture.ts'

let at: Tenants
let connection: Connection
beforeEach(async () => {
  at = await openTenants()
  await at.verifiedDomain(at.customer.id, 'clinic.example')
  const nurse = { claim: 'groups', value: 'nurses', serviceId: at.clinic.id, role: 'patients:read' }
  const defaultRoles = [{ serviceId: at.clinic.id, role: 'patients:write' }]
  const mapping = { roles: [nurse], tags: [{ claim: 'ward', tag: 'team' }], defaultRoles }
  connection = await at.connection(at.customer.id, { mapping })
})
afterEach(() => at.store.close())

const ana: UpstreamIdentity = {
  ...{ subject: 'ana-1', email: 'Ana@Clinic.example', emailVerified: true, name: 'Ana' },
  attributes: { groups: ['nurses'], ward: 'east' },
}
const signIn = (more: Partial<UpstreamIdentity> = {}, through = connection) =>
  signInThrough(at.deps, through, { ...ana, ...more }, { requestId: 'req-2' })
const everybody = () => at.deps.records.list(at.customer.id, users, 'all', '', { limit: 10 })
const isRefused = (message: RegExp) => ({
  ...{ code: 'sign_in_refused', message: expect.stringMatching(message), fix: expect.stringMatching(/./) },
})

describe('the first sign-in', () => {
  test('makes the user, with what the mapping gives', async () => {
    expect(await signIn()).toMatchObject({
      ...{
        email: 'Ana@Clinic.example',
        name: 'Ana',
        state: { kind: 'active' },
        organizationId: at.customer.id,
      },
      identities: [{ connectionId: connection.id, subject: 'ana-1' }],
      roles: [{ serviceId: at.clinic.id, role: 'patients:read', from: connection.id }],
      tags: { team: ['east'] },
    })
  })

  test('gives the default role to whom no rule gives one', async () => {
    const user = await signIn({ attributes: {} })
    expect(user.roles.map(({ role }) => role)).toEqual(['patients:write'])
  })

  test('leaves out of a name what would change how it reads', async () => {
    expect((await signIn({ name: 'Ana\u202e\u0000 ' })).name).toBe('Ana')
  })
})

describe('a later sign-in', () => {
  test('is of the same user by the subject, whatever the address is then', async () => {
    const first = await signIn()
    const second = await signIn({ email: 'ana.new@clinic.example' })
    expect([second.id, second.email]).toEqual([first.id, 'ana.new@clinic.example'])
    expect(await everybody()).toHaveLength(1)
  })

  test('of another subject with the same address is nobody (OpenID Connect Core §5.7)', async () => {
    await signIn()
    await expect(signIn({ subject: 'ana-2' })).rejects.toMatchObject(isRefused(/another user/))
  })

  test('takes what the mapping no longer gives, and ends the tokens that say otherwise', async () => {
    const first = await signIn()
    const second = await signIn({ attributes: { groups: [], ward: 'west' } })
    expect(second.roles.map(({ role }) => role)).toEqual(['patients:write'])
    expect(second.tags).toEqual({ team: ['west'] })
    expect(second.authority).toBe(first.authority + 1)
    const places = await at.deps.records.locate(revocations, 'all', '', { limit: 10 })
    const entries = await Promise.all(
      places.map((one) => at.deps.records.find(one.organizationId, revocations, one.id)),
    )
    expect(entries.map((one) => one?.ended)).toContainEqual({
      ...{ kind: 'authority', of: first.id, lowest: second.authority },
    })
  })

  test('that says nothing new changes nothing', async () => {
    const first = await signIn()
    expect(await signIn()).toEqual(first)
  })

  test('of a disabled user is refused', async () => {
    const { id } = await signIn()
    await disableUser(at.deps, at.by, at.customer.id, id)
    await expect(signIn()).rejects.toMatchObject(isRefused(/disabled/))
  })
})

describe('nobody comes in', () => {
  test.each([
    ['without an address', { email: undefined }, /no e-mail/],
    ['with an address that is none', { email: 'ana' }, /that is none/],
    ['with two addresses in one', { email: 'ana@clinic.example, boss@clinic.example' }, /that is none/],
    ['with an unverified address', { emailVerified: false }, /verified/],
    ['with an address of which nothing is said', { emailVerified: undefined }, /verified/],
    ["with an address of somebody else's domain", { email: 'ana@evil.example' }, /may not speak/],
    ['with an address below a verified domain', { email: 'ana@x.clinic.example' }, /may not speak/],
    [
      'with a verified domain before the @',
      { email: '"ana@clinic.example"@evil.example' },
      /that is none|may not/,
    ],
  ])('%s', async (_, more, message) => {
    const { email, emailVerified, ...rest } = { ...ana, ...more }
    const identity = {
      ...rest,
      ...(email === undefined ? {} : { email }),
      ...(emailVerified === undefined ? {} : { emailVerified }),
    }
    const signedIn = signInThrough(at.deps, connection, identity, { requestId: 'req-2' })
    await expect(signedIn).rejects.toMatchObject(isRefused(message))
    expect(await everybody()).toEqual([])
  })

  test('of a domain that another organization has verified', async () => {
    const other = await at.organization('Other')
    await at.verifiedDomain(other.id, 'other.example')
    await expect(signIn({ email: 'ana@other.example' })).rejects.toMatchObject(isRefused(/may not speak/))
  })

  test.each([
    ['a draft', { kind: 'draft' as const }],
    ['disabled', { kind: 'disabled' as const, disabledAt: 1 }],
  ])('through a connection that is %s', async (_, state) => {
    await expect(signIn({}, await at.connection(at.customer.id, { state }))).rejects.toMatchObject(
      isRefused(/draft|disabled/),
    )
  })

  test('of a suspended organization', async () => {
    await suspendOrganization(at.deps, at.by, at.customer.id, { reason: 'unpaid' })
    await expect(signIn()).rejects.toMatchObject(isRefused(/suspended/))
  })

  test('through a connection beside the one that alone speaks for the domain', async () => {
    const named = await at.connection(at.customer.id, { domains: ['clinic.example'] })
    await expect(signIn()).rejects.toMatchObject(isRefused(/may not speak/))
    expect(await signIn({}, named)).toMatchObject({ email: 'Ana@Clinic.example' })
  })

  test('through a connection that names other domains', async () => {
    const named = await at.connection(at.customer.id, { domains: ['other.example'] })
    await expect(signIn({}, named)).rejects.toMatchObject(isRefused(/may not speak/))
  })
})

describe('a provider that says nothing of addresses', () => {
  test('is believed where the organization says so, but not against its own word', async () => {
    const trusted = await at.connection(at.customer.id, { emailTrust: 'unless_denied' })
    const { emailVerified: _, ...unsaid } = ana
    expect(await signInThrough(at.deps, trusted, unsaid, { requestId: 'r' })).toMatchObject({ name: 'Ana' })
    await expect(signIn({ emailVerified: false }, trusted)).rejects.toMatchObject(isRefused(/verified/))
  })
})

test('the same subject of two connections is two people', async () => {
  const other = await at.organization('Other')
  await at.verifiedDomain(other.id, 'other.example')
  const theirs = await at.connection(other.id)
  const [one, two] = [await signIn(), await signIn({ email: 'ana@other.example' }, theirs)]
  expect(two.id).not.toBe(one.id)
  expect(two.organizationId).toBe(other.id)
})
