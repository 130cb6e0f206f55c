import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Actor, auditEvents } from '../../src/audit/record.ts'
import { hasCode } from '../../src/errors.ts'
import { newOrganization } from '../../src/organizations/create-organization.ts'
import { deleteOrganization } from '../../src/organizations/delete-organization.ts'
import { type Organization, organizations } from '../../src/organizations/organization.ts'
import { revocations } from '../../src/revocations/revocation.ts'
import { assumptions, getAssumption } from '../../src/roles/assumption.ts'
import {
  assumptionBelongings,
  assumptionContents,
  assumptionsOf,
  endAssumptionsOf,
  receivedAssumptionBelongings,
} from '../../src/roles/assumption-belongings.ts'
import { changeAssumption } from '../../src/roles/change-assumption.ts'
import { createAssumption, type NewAssumption } from '../../src/roles/create-assumption.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { deleteAssumption } from '../../src/roles/delete-assumption.ts'
import { deleteRole } from '../../src/roles/delete-role.ts'
import { listAssumptions, listReceivedAssumptions } from '../../src/roles/list-assumptions.ts'
import { replaceRole } from '../../src/roles/replace-role.ts'
import { insert } from '../../src/storage/ports.ts'
import { type Deployment, granter, holderOf, noonMs, openDeployment } from '../organizations/deployment.ts'

let at: Deployment
/** Whose principals come. */
let lab: Organization
/** Somebody of the customer, whose role is taken. */
let by: Actor
beforeEach(async () => {
  at = await openDeployment()
  // Each look at the clock is a moment of its own, so that ids are in the order of making.
  const { time } = at
  at = { ...at, deps: { ...at.deps, clock: () => time.nowMs++ } }
  lab = newOrganization(at.deps.newId('org'), { name: 'Lab', slug: 'lab', kind: 'customer' }, noonMs)
  await at.store.commit([insert(organizations, lab)])
  by = { ...at.by, organizationId: at.customer.id, address: '192.0.2.7' }
})
afterEach(() => at.store.close())

const letting = (more: Partial<NewAssumption> = {}, giver = granter) =>
  createAssumption(at.deps, by, giver, at.customer.id, {
    ...{ service: 'clinic', name: 'Results', description: '', role: 'patients:read', tags: {} },
    ...{ assumingOrganizationId: lab.id, principals: [], ...more },
  })
const eventsOf = async ({ id }: Pick<Organization, 'id'>) =>
  (await at.store.records.list(id, auditEvents, 'all', '', { limit: 100 })).filter(({ type }) =>
    type.startsWith('assumption.'),
  )
const endings = async () =>
  (await at.store.records.list(at.customer.id, revocations, 'all', '', { limit: 100 })).map(
    ({ ended }) => ended,
  )
const codeOf = (refused: Promise<unknown>) =>
  refused.then(
    () => 'taken',
    (cause: unknown) => cause,
  )

describe('an assumption', () => {
  test('lives as long as a token of the service, unless it says less', async () => {
    expect(await letting()).toMatchObject({ lifeSecondsMax: 900, authority: 1, principals: [] })
    expect((await letting({ name: 'Short', lifeSecondsMax: 60 })).lifeSecondsMax).toBe(60)
    expect(await codeOf(letting({ name: 'Long', lifeSecondsMax: 901 }))).toMatchObject({
      code: 'invalid_request',
      faults: [{ pointer: '/life_seconds_max' }],
    })
  })

  test.each([
    ['a role outside of the entitlement', { role: 'billing' }, 'role_not_grantable'],
    ["the operator's alone", { role: 'admin' }, 'role_not_grantable'],
    ['a role that there is not', { role: 'patients:reed' }, 'role_not_found'],
    ['a service that there is not', { service: 'pharmacy' }, 'service_not_found'],
  ])('is not of %s', async (_what, more, code) => {
    expect(await codeOf(letting(more))).toMatchObject({ code })
    expect(await eventsOf(at.customer)).toEqual([])
  })

  test("is not of the operator's own roles either, nor of a guard's", async () => {
    const asOperator = (service: string, role: string) =>
      createAssumption(at.deps, at.by, granter, at.operator.id, {
        ...{ service, name: 'Support', description: '', role, tags: {} },
        ...{ assumingOrganizationId: lab.id, principals: [] },
      })
    for (const [service, role] of [
      ['clinic', 'admin'],
      ['latchkey', 'admin'],
      ['latchkey', 'guard'],
    ] as const)
      expect(await codeOf(asOperator(service, role))).toMatchObject({ code: 'role_not_grantable' })
    expect(await asOperator('clinic', 'patients:read')).toMatchObject({ role: 'patients:read' })
  })

  test('names another organization, which there is', async () => {
    for (const [assumingOrganizationId, code] of [
      [at.customer.id, 'invalid_request'],
      [at.deps.newId('org'), 'organization_not_found'],
    ] as const)
      expect(await codeOf(letting({ assumingOrganizationId }))).toMatchObject({
        code,
        faults: [{ pointer: '/assuming_organization' }],
      })
  })

  test('has a name of its own on the service', async () => {
    await letting()
    expect(await codeOf(letting())).toMatchObject({ code: 'already_exists', faults: [{ pointer: '/name' }] })
  })
})

describe('the one rule for giving', () => {
  test('without the operation that grants roles nobody lets take what they do not hold, nor any tag', async () => {
    expect(await codeOf(letting({}, holderOf('listPatients')))).toMatchObject({ code: 'role_not_grantable' })
    const holder = holderOf('listPatients', 'getPatient')
    const tags = { ward: ['north'] }
    expect(await codeOf(letting({ tags }, holder))).toMatchObject({ code: 'tag_not_grantable' })
    expect(await letting({}, holder)).toMatchObject({ tags: {} })
    expect(await letting({ name: 'Tagged', tags })).toMatchObject({ tags })
  })

  test('holds for a change that may open it further, whatever it held before', async () => {
    const { id } = await letting({ role: 'patients:write', tags: { ward: ['north'] } })
    const change = (more: object) =>
      changeAssumption(at.deps, by, holderOf('listPatients', 'getPatient'), at.customer.id, id, more)
    expect(await codeOf(change({ principals: [at.deps.newId('key')] }))).toMatchObject({
      code: 'role_not_grantable',
    })
    expect(await codeOf(change({ role: 'patients:read' }))).toMatchObject({ code: 'tag_not_grantable' })
    expect(await change({ name: 'Other' })).toMatchObject({ name: 'Other', authority: 1 })
    expect(await change({ role: 'patients:read', tags: {} })).toMatchObject({ authority: 2 })
  })
})

describe('what ends its tokens', () => {
  test('a change of what it gives, or to whom; not its name', async () => {
    const { id } = await letting()
    const change = (more: object) => changeAssumption(at.deps, by, granter, at.customer.id, id, more)
    await change({ name: 'Other', description: 'For results' })
    await change({})
    expect(await endings()).toEqual([])
    for (const more of [
      { lifeSecondsMax: 300 },
      { principals: [at.deps.newId('usr')] },
      { tags: { ward: ['south'] } },
      { role: 'patients:write' },
    ])
      await change(more)
    expect(await endings()).toEqual([2, 3, 4, 5].map((lowest) => ({ kind: 'authority', of: id, lowest })))
    expect(await codeOf(change({ ifMatch: 1, name: 'Late' }))).toMatchObject({ code: 'precondition_failed' })
  })

  test('its deletion', async () => {
    const { id } = await letting()
    await deleteAssumption(at.deps, by, at.customer.id, id)
    expect(await endings()).toEqual([{ kind: 'authority', of: id, lowest: Number.MAX_SAFE_INTEGER }])
    expect(await codeOf(getAssumption(at.deps.records, at.customer.id, id))).toMatchObject({
      code: 'assumption_not_found',
    })
  })

  test('a change of its organization-defined role; that of a role which nobody assumes enters nothing', async () => {
    const allow = [{ operations: ['listPatients'] }]
    const define = (name: string) =>
      createRole(at.deps, by, granter, at.customer.id, { service: 'clinic', name, description: '', allow })
    const [assumed, other] = [await define('Assumed'), await define('Other')]
    await letting({ role: assumed.id })
    for (const role of [assumed, other])
      await replaceRole(at.deps, by, granter, at.customer.id, role.id, { ...role, description: 'new' })
    expect(await endings()).toEqual([{ kind: 'authority', of: assumed.id, lowest: 2 }])
  })
})

describe('both audit trails', () => {
  test('tell of it alike; the other organization does not learn from where', async () => {
    const made = await letting({ tags: { ward: ['north'] } })
    await changeAssumption(at.deps, by, granter, at.customer.id, made.id, { name: 'Other' })
    await deleteAssumption(at.deps, by, at.customer.id, made.id)
    const [ours, theirs] = [await eventsOf(at.customer), await eventsOf(lab)]
    const types = ['assumption.created', 'assumption.changed', 'assumption.deleted']
    expect(ours.map(({ type }) => type)).toEqual(types)
    expect(theirs.map(({ type, target, details }) => ({ type, target, details }))).toEqual(
      ours.map(({ type, target, details }) => ({ type, target, details })),
    )
    expect(ours[0]).toMatchObject({
      ...{ target: made.id, by: { id: by.id, organizationId: at.customer.id, address: '192.0.2.7' } },
      details: {
        ...{ organization_id: at.customer.id, assuming_organization_id: lab.id, name: 'Results' },
        ...{ role: 'patients:read', tags: { ward: ['north'] }, life_seconds_max: 900 },
      },
    })
    for (const event of theirs) {
      expect(event.by).toMatchObject({ id: by.id, organizationId: at.customer.id })
      expect(event.by).not.toHaveProperty('address')
    }
  })
})

describe('lists', () => {
  test('show what an organization lets others take, and what it may take of them, in pages', async () => {
    const made = [await letting(), await letting({ name: 'Two' }), await letting({ name: 'Three' })]
    const { records } = at.deps
    const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id)
    expect(ids(await listAssumptions(records, at.customer.id, { limit: 10 }))).toEqual(ids(made))
    expect(await listAssumptions(records, lab.id, { limit: 10 })).toEqual([])
    expect(await listReceivedAssumptions(records, at.customer.id, { limit: 10 })).toMatchObject({ items: [] })
    const first = await listReceivedAssumptions(records, lab.id, { limit: 2 })
    const rest = await listReceivedAssumptions(records, lab.id, { limit: 2, cursor: first.nextCursor ?? '' })
    expect([...ids(first.items), ...ids(rest.items)]).toEqual(ids(made))
    expect(rest.nextCursor).toBeNull()
    for (const cursor of ['', 'x', `${lab.id}/${lab.id}`, `${first.nextCursor}/x`])
      expect(
        hasCode(
          await codeOf(listReceivedAssumptions(records, lab.id, { limit: 2, cursor })),
          'invalid_request',
        ),
      ).toBe(true)
  })
})

describe('what it hangs on', () => {
  const left = () => at.store.records.list(at.customer.id, assumptions, 'all', '', { limit: 10 })
  const deleted = async (of: Organization) =>
    (await eventsOf(of)).filter(({ type }) => type === 'assumption.deleted').length

  test('goes with either organization, and the other is told', async () => {
    await letting()
    const belongings = [assumptionBelongings(at.deps), receivedAssumptionBelongings(at.deps)]
    const [given, received] = belongings
    expect(await given?.count(at.customer.id, 10)).toBe(1)
    expect(await received?.count(lab.id, 10)).toBe(1)
    await deleteOrganization({ ...at.deps, belongings }, at.by, lab.id, { confirm: 'lab' })
    expect(await left()).toEqual([])
    expect(await deleted(at.customer)).toBe(1)
  })

  test('goes with the organization that let it', async () => {
    await letting()
    const belongings = [assumptionBelongings(at.deps), receivedAssumptionBelongings(at.deps)]
    await deleteOrganization({ ...at.deps, belongings }, at.by, at.customer.id, { confirm: 'riverside' })
    expect(await left()).toEqual([])
    expect(await deleted(lab)).toBe(1)
  })

  test('goes with the service', async () => {
    await letting()
    const contents = assumptionContents(at.deps)
    expect(await contents.count(at.clinic, 10)).toBe(1)
    await contents.tidy(at.by, at.clinic)
    expect(await left()).toEqual([])
    expect(await deleted(lab)).toBe(1)
  })

  test('holds its organization-defined role, and goes with it if that is said', async () => {
    const allow = [{ operations: ['listPatients'] }]
    const wanted = { service: 'clinic', name: 'Desk', description: '', allow }
    const role = await createRole(at.deps, by, granter, at.customer.id, wanted)
    const { id } = await letting({ role: role.id })
    const deps = {
      ...at.deps,
      holdersOf: [assumptionsOf(at.deps.records)],
      endHolders: [endAssumptionsOf(at.deps)],
    }
    const removing = (cascade: boolean) => deleteRole(deps, by, at.customer.id, role.id, { cascade })
    expect(await codeOf(removing(false))).toMatchObject({
      code: 'role_held',
      data: { holders: [{ kind: 'assumption', id, name: 'Results' }] },
    })
    await removing(true)
    expect(await left()).toEqual([])
    expect(await endings()).toEqual([{ kind: 'role', roleId: role.id }])
  })
})
