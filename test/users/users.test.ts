import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import type { ConnectionId } from '../../src/ids.ts'
import { newOrganization } from '../../src/organizations/create-organization.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { revocations } from '../../src/revocations/revocation.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { deleteRole } from '../../src/roles/delete-role.ts'
import { insert } from '../../src/storage/ports.ts'
import { changeUser } from '../../src/users/change-user.ts'
import { deleteUser } from '../../src/users/delete-user.ts'
import { disableUser } from '../../src/users/disable-user.ts'
import { enableUser } from '../../src/users/enable-user.ts'
import { findUser, usersByEmail } from '../../src/users/find-user.ts'
import { type Invitation, inviteUser } from '../../src/users/invite-user.ts'
import { provisionUser, type UpstreamPerson } from '../../src/users/provision-user.ts'
import { administratorsTeller } from '../../src/users/tell-administrators.ts'
import { getUser, type User, userRefusal } from '../../src/users/user.ts'
import { userBelongings } from '../../src/users/user-belongings.ts'
import { userContents } from '../../src/users/user-contents.ts'
import { takeFromHolders, usersHolding } from '../../src/users/user-holders.ts'
import { granter, holderOf, noonMs } from '../organizations/deployment.ts'
import { openPeople, type People } from './people.ts'

let at: People
beforeEach(async () => {
  at = await openPeople()
})
afterEach(() => at.store.close())

const reads = { service: 'clinic', role: 'patients:read' }
const writes = { service: 'clinic', role: 'patients:write' }
const invite = (more: Partial<Invitation> = {}, giver = granter, organizationId = at.customer.id) =>
  inviteUser(at.deps, at.by, giver, organizationId, {
    ...{ email: 'sam@harbour.example', roles: [reads], tags: {} },
    ...more,
  })
const stored = (id: User['id']) => getUser(at.deps.records, at.customer.id, id)
const assigned = (role: string) => ({ serviceId: at.clinic.id, role })

async function lowestAuthorities(user: User): Promise<readonly number[]> {
  const places = await at.deps.records.locate(revocations, 'all', '', { limit: 1000 })
  const all = await Promise.all(places.map((p) => at.deps.records.find(p.organizationId, revocations, p.id)))
  return all.flatMap((one) =>
    one?.ended.kind === 'authority' && one.ended.of === user.id ? [one.ended.lowest] : [],
  )
}

async function trailOf(user: User): Promise<readonly string[]> {
  const events = await at.deps.records.list(user.organizationId, auditEvents, 'target', user.id, {
    limit: 100,
  })
  // All of one moment here, so that their ids are in no order.
  return events.map(({ type }) => type).toSorted()
}

async function anotherOrganization() {
  const other = newOrganization(
    at.deps.newId('org'),
    { name: 'Hill', slug: 'hill', kind: 'customer' },
    noonMs,
  )
  await at.store.commit([insert(organizations, other)])
  return other
}

describe('inviting a user', () => {
  test('makes a person with roles and tags who may do nothing yet', async () => {
    const user = await invite({ name: 'Sam', tags: { ward: ['north'] } })
    expect(await stored(user.id)).toEqual(user)
    expect(user).toMatchObject({
      state: { kind: 'invited' },
      roles: [assigned('patients:read')],
      authority: 1,
    })
    expect(userRefusal(user, at.customer)).toBe('invited')
    expect(await trailOf(user)).toEqual(['user.invited'])
  })

  test('takes an address once in an organization, whatever its letter case', async () => {
    await invite()
    await expect(invite({ email: 'SAM@Harbour.example' })).rejects.toMatchObject({
      code: 'already_exists',
      faults: [{ pointer: '/email' }],
    })
  })

  test('makes separate people of one address in two organizations', async () => {
    const here = await invite()
    const other = await anotherOrganization()
    const there = await invite({ roles: [] }, granter, other.id)
    expect(there.id).not.toBe(here.id)
    expect(new Set(await usersByEmail(at.deps.records, 'Sam@Harbour.Example'))).toEqual(
      new Set([here, there]),
    )
    await disableUser(at.deps, at.by, other.id, there.id)
    expect(await findUser(at.deps.records, here.id)).toEqual(here)
    await expect(getUser(at.deps.records, other.id, here.id)).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })

  test.each([
    [{ service: 'clinic', role: 'billing' }, 'role_not_grantable'],
    [{ service: 'clinic', role: 'patients:reed' }, 'role_not_found'],
    [{ service: 'latchkey', role: 'guard' }, 'role_not_grantable'],
    [{ service: 'nowhere', role: 'patients:read' }, 'service_not_found'],
  ])('refuses the role %j with its place', async (role, code) => {
    await expect(invite({ roles: [reads, role] })).rejects.toMatchObject({
      code,
      faults: [{ pointer: expect.stringMatching(/^\/roles\/1\//) }],
    })
  })

  test('refuses a role named twice, by slug and by id', async () => {
    const again = { ...reads, service: at.clinic.id }
    await expect(invite({ roles: [reads, again] })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('is giving: roles and tags that the giver may not give are refused', async () => {
    await expect(invite({}, holderOf('getClientKey'))).rejects.toMatchObject({ code: 'role_not_grantable' })
    const tagged = invite({ roles: [], tags: { ward: ['north'] } }, holderOf())
    await expect(tagged).rejects.toMatchObject({ code: 'tag_not_grantable' })
    expect((await invite({ roles: [] }, holderOf())).roles).toEqual([])
  })
})

describe('changing a user', () => {
  test('of other roles ends the tokens under the old ones', async () => {
    const user = await invite()
    const after = await changeUser(at.deps, at.by, granter, at.customer.id, user.id, {
      roles: [reads, writes],
    })
    expect(after).toMatchObject({
      authority: 2,
      roles: [assigned('patients:read'), assigned('patients:write')],
    })
    expect(await lowestAuthorities(user)).toEqual([2])
    expect(await trailOf(user)).toEqual(['user.invited', 'user.roles_changed'])
  })

  test('of tags ends tokens; of the name does not', async () => {
    const user = await invite()
    const named = await changeUser(at.deps, at.by, granter, at.customer.id, user.id, { name: 'Sam' })
    expect(named).toMatchObject({ name: 'Sam', authority: 1, version: 2 })
    expect(await lowestAuthorities(user)).toEqual([])
    const tags = { ward: ['south'] }
    const tagged = await changeUser(at.deps, at.by, granter, at.customer.id, user.id, { tags, name: null })
    expect(tagged).toMatchObject({ tags, authority: 2 })
    expect(tagged.name).toBeUndefined()
    expect(await lowestAuthorities(user)).toEqual([2])
  })

  test('that changes nothing commits nothing', async () => {
    const user = await invite()
    expect(await changeUser(at.deps, at.by, granter, at.customer.id, user.id, { roles: [reads] })).toEqual(
      user,
    )
    expect(await trailOf(user)).toEqual(['user.invited'])
  })

  test('may take what the changer could not give, and keep it', async () => {
    const user = await invite({ roles: [reads, writes] })
    const weak = holderOf()
    const fewer = await changeUser(at.deps, at.by, weak, at.customer.id, user.id, { roles: [reads] })
    expect(fewer.roles).toEqual([assigned('patients:read')])
    const more = changeUser(at.deps, at.by, weak, at.customer.id, user.id, { roles: [reads, writes] })
    await expect(more).rejects.toMatchObject({ code: 'role_not_grantable' })
  })

  test('loses against a change in between', async () => {
    const user = await invite()
    const change = { name: 'A', ifMatch: 7 }
    await expect(changeUser(at.deps, at.by, granter, at.customer.id, user.id, change)).rejects.toMatchObject({
      code: 'precondition_failed',
    })
  })
})

describe('disabling, enabling and deleting a user', () => {
  test('each ends the tokens from before', async () => {
    const user = await invite()
    const disabled = await disableUser(at.deps, at.by, at.customer.id, user.id)
    expect(userRefusal(disabled, at.customer)).toBe('disabled')
    expect(await disableUser(at.deps, at.by, at.customer.id, user.id)).toEqual(disabled)
    await enableUser(at.deps, at.by, granter, at.customer.id, user.id)
    await deleteUser(at.deps, at.by, at.customer.id, user.id)
    expect((await lowestAuthorities(user)).toSorted((a, b) => a - b)).toEqual([2, 3, Number.MAX_SAFE_INTEGER])
    expect(await findUser(at.deps.records, user.id)).toBeUndefined()
    expect(await trailOf(user)).toEqual(['user.deleted', 'user.disabled', 'user.enabled', 'user.invited'])
  })

  test('leaves who never came in to be invited still', async () => {
    const user = await invite()
    await disableUser(at.deps, at.by, at.customer.id, user.id)
    const enabled = await enableUser(at.deps, at.by, granter, at.customer.id, user.id)
    expect(enabled.state).toEqual({ kind: 'invited' })
  })

  test('enabling is giving what the user holds', async () => {
    const user = await invite()
    await disableUser(at.deps, at.by, at.customer.id, user.id)
    await expect(enableUser(at.deps, at.by, holderOf(), at.customer.id, user.id)).rejects.toMatchObject({
      code: 'role_not_grantable',
    })
  })

  test('a deleted address may be invited again, as somebody else', async () => {
    const user = await invite()
    await deleteUser(at.deps, at.by, at.customer.id, user.id)
    expect((await invite()).id).not.toBe(user.id)
  })
})

test('a user is refused with its organization', async () => {
  const user: User = { ...(await invite()), state: { kind: 'active' } }
  expect(userRefusal(user, at.customer)).toBeUndefined()
  expect(userRefusal(user, undefined)).toBe('organization_gone')
  expect(userRefusal(user, at.operator)).toBe('organization_gone')
  const suspended = { ...at.customer, state: { kind: 'suspended', suspendedAt: noonMs, reason: '' } } as const
  expect(userRefusal(user, suspended)).toBe('organization_suspended')
})

describe('what users hold', () => {
  test('goes from them with a role that is deleted, which names them first', async () => {
    const allow = [{ operations: ['listPatients'] }]
    const role = await createRole(at.deps, at.by, granter, at.customer.id, {
      ...{ service: 'clinic', name: 'Front desk', description: '', allow },
    })
    const user = await invite({ name: 'Sam', roles: [reads, { service: 'clinic', role: role.id }] })
    const deps = {
      ...at.deps,
      holdersOf: [usersHolding(at.deps.records)],
      endHolders: [takeFromHolders(at.deps)],
    }
    await expect(deleteRole(deps, at.by, at.customer.id, role.id, { cascade: false })).rejects.toMatchObject({
      code: 'role_held',
      data: { holders: [{ kind: 'user', id: user.id, name: 'Sam' }] },
    })
    await deleteRole(deps, at.by, at.customer.id, role.id, { cascade: true })
    expect(await stored(user.id)).toMatchObject({ roles: [assigned('patients:read')], authority: 2 })
    expect(await trailOf(user)).toEqual(['user.invited', 'user.roles_changed'])
  })

  test('goes from them with a service; they stay', async () => {
    const user = await invite({ roles: [reads, { service: 'latchkey', role: 'organization-viewer' }] })
    const contents = userContents(at.deps)
    expect(await contents.count(at.clinic, 10)).toBe(1)
    await contents.tidy(at.by, at.clinic)
    expect(await contents.count(at.clinic, 10)).toBe(0)
    const { roles } = await stored(user.id)
    expect(roles).toEqual([{ serviceId: at.latchkey.id, role: 'organization-viewer' }])
  })

  test('they go with their organization, an event each', async () => {
    const many = await Promise.all(
      Array.from({ length: 105 }, (_, i) => invite({ email: `u${i}@a.example` })),
    )
    const belongings = userBelongings(at.deps)
    expect(await belongings.count(at.customer.id, 1_000)).toBe(105)
    await belongings.tidy(at.customer.id, at.by)
    expect(await belongings.count(at.customer.id, 1_000)).toBe(0)
    const [first] = many
    expect(first && (await trailOf(first))).toEqual(['user.deleted', 'user.invited'])
  })
})

describe('a person whom a connection brings', () => {
  const connectionId = 'con_01jz8x6v0kq3m5n7p9r1s3t5v7' as ConnectionId
  const provision = (more: Partial<UpstreamPerson> = {}) =>
    provisionUser(at.deps, at.customer.id, {
      ...{ connectionId, subject: '248289761001', email: 'sam@harbour.example', emailVerified: true },
      ...{ requestId: 'req-7', ...more },
    })

  test('is made at the first sign-in, and is the same at the next', async () => {
    const roles = [assigned('patients:read')]
    const user = await provision({ name: 'Sam', roles, tags: { ward: ['north'] } })
    expect(user).toMatchObject({
      ...{ state: { kind: 'active' }, name: 'Sam', emailVerifiedAt: noonMs, tags: { ward: ['north'] } },
      ...{ roles: [{ ...assigned('patients:read'), from: connectionId }], createdBy: connectionId },
    })
    expect(await provision({ name: 'Sam', roles, tags: { ward: ['north'] } })).toEqual(user)
    expect(await trailOf(user)).toEqual(['user.created'])
  })

  test('keeps its id under another address, and what was given by hand under another mapping', async () => {
    const user = await provision({
      roles: [assigned('patients:read')],
      tags: { ward: ['north'], team: ['a'] },
    })
    const by = { roles: [reads, writes] }
    await changeUser(at.deps, at.by, granter, at.customer.id, user.id, by)
    const after = await provision({ email: 'sam.okafor@harbour.example', roles: [], tags: { ward: [] } })
    expect(after).toMatchObject({ id: user.id, email: 'sam.okafor@harbour.example', tags: { team: ['a'] } })
    expect(after.roles).toEqual([assigned('patients:write')])
    expect(after.authority).toBe(3)
  })

  test('takes up an invitation of the address that the provider vouches for', async () => {
    const invited = await invite()
    const user = await provision()
    expect(user).toMatchObject({ id: invited.id, state: { kind: 'active' }, roles: invited.roles })
    expect(await trailOf(user)).toEqual(['user.activated', 'user.invited'])
  })

  test('is not who had the address before at the same provider', async () => {
    await provision()
    await expect(provision({ subject: 'another' })).rejects.toMatchObject({ code: 'already_exists' })
  })

  test('takes nobody over with an address that is not verified', async () => {
    await invite()
    await expect(provision({ emailVerified: false })).rejects.toMatchObject({ code: 'already_exists' })
  })

  test('stays out when disabled', async () => {
    const user = await provision()
    await disableUser(at.deps, at.by, at.customer.id, user.id)
    await expect(provision()).rejects.toMatchObject({ code: 'user_state' })
  })

  test('is one user, whoever signs in twice at once', async () => {
    const both = await Promise.all([provision(), provision()])
    expect(both[0]?.id).toBe(both[1]?.id)
  })
})

test('what administrators are told is mailed to those who may sign in, and to nobody else', async () => {
  const admin = { roles: [{ service: 'latchkey', role: 'organization-admin' }] }
  await at.makeActive({ ...admin, email: 'ada@harbour.example', service: 'clinic' })
  await at.invite({ ...admin, email: 'new@harbour.example' })
  await at.makeActive({ email: 'sam@harbour.example' })
  at.mails.length = 0
  const tell = administratorsTeller(at.deps)
  await tell(at.customer.id, { subject: 'harbour.example is no longer verified', text: 'Publish it again.' })
  expect(at.mails).toEqual([
    {
      to: 'ada@harbour.example',
      subject: 'harbour.example is no longer verified',
      text: 'Publish it again.',
    },
  ])
})
