import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { type Key, type Reply, send, tokenOf } from './client.ts'
import { startDeployment } from './deployment.ts'
import { documentedOperations, isOwnOrganizations } from './operations.ts'

// Nobody gives what is outside of their organization's entitlement; and without the operation that grants roles nobody
// gives an operation that they do not hold. What follows says that rule once more, from the documents alone, and asks
// the server whether it agrees.

const deployment = await startDeployment()
afterAll(() => deployment.stop())
const { address, operator } = deployment
await operator.importClinic()
const ours = await operator.makeOrganization('Ours')
const at = `/organizations/${ours}`

const granting = 'grantClientKeyRole'
const documented = await documentedOperations(address)
/** All that an organization may use of the management API, and what is the operator's. */
const own = documented.filter(isOwnOrganizations).map(({ id }) => id)
const operators = documented.filter((one) => !isOwnOrganizations(one)).map(({ id }) => id)

/** The clinic's roles, as a reader of its document would write them down. */
const clinicRoles: Readonly<Record<string, readonly string[]>> = {
  'patients:read': ['listPatients', 'getPatient'],
  'patients:write': ['registerPatient', 'replacePatient'],
  'appointments:read': ['listAppointments'],
  'appointments:write': ['bookAppointment'],
  'front-desk': ['listPatients', 'getPatient', 'listAppointments', 'bookAppointment'],
  auditor: ['exportRecords'],
}
const clinicOperations = [...new Set(Object.values(clinicRoles).flat()), 'getStatus']
const operatorsRoles = ['admin', 'viewer']

type Operations = readonly string[]
const within = (some: Operations, all: Operations) => some.every((one) => all.includes(one))

/** Whether a giver that holds `held` on the management API may give these operations of a service. */
function mayGive(held: Operations, service: string, given: Operations, entitled: Operations): boolean {
  if (!within(given, entitled)) return false
  return held.includes(granting) || (service === 'latchkey' ? within(given, held) : given.length === 0)
}

/** The giver's role is another in each run; its token stays. */
const giversRole = await operator.makeRole(ours, own, 'latchkey')
const giver = await operator.makeKey(ours, { service: 'latchkey', role: giversRole })
const token = await tokenOf(address, giver)
const targetRole = await operator.makeRole(ours, own, 'latchkey')
const clinicRole = await operator.makeRole(ours, ['listPatients'])

async function setRole(id: string, operations: Operations): Promise<void> {
  await operator.do('PUT', `${at}/roles/${id}`, { name: id, description: '', allow: [{ operations }] })
}

function give(method: string, path: string, body: unknown): Promise<Reply> {
  return send(address, method, `/api/v1${at}${path}`, { token, body })
}

/** The giver always holds what it gives with, and half of the time what grants roles. */
function holding(...operations: Operations): fc.Arbitrary<Operations> {
  const others = own.filter((id) => id !== granting && !operations.includes(id))
  return fc
    .tuple(fc.subarray(others), fc.boolean())
    .map(([some, grants]) => [...operations, ...some, ...(grants ? [granting] : [])])
}

const some = (operations: Operations) => fc.subarray([...operations], { minLength: 1 })
/** Few enough that half of them are within what a giver holds. */
const few = (operations: Operations) => fc.subarray([...operations], { minLength: 1, maxLength: 2 })
const runs = { numRuns: 60 }
let allowedCount = 0
let refusedCount = 0

function expectAnswer(reply: Reply, may: boolean, success: number, code: string | RegExp): void {
  if (may) allowedCount++
  else refusedCount++
  const told = may ? [success, undefined] : [reply.status, reply.json['code']]
  expect([reply.status, reply.json['code']]).toEqual(told)
  if (may) return
  expect(reply.status, reply.text).toBeGreaterThanOrEqual(400)
  expect(reply.json['code']).toMatch(code)
}

/** What a key is made with or changed to: a role of the document, or an own one with these operations. */
const choice = fc.oneof(
  few(own).map((operations) => ({ service: 'latchkey', role: targetRole, operations, entitled: own })),
  few(Object.values(clinicRoles).flat()).map((operations) => ({
    ...{ service: 'clinic', role: clinicRole, operations: [...new Set(operations)] },
    entitled: clinicOperations,
  })),
  fc.constantFrom(...Object.keys(clinicRoles)).map((role) => ({
    ...{ service: 'clinic', role, operations: clinicRoles[role] ?? [], entitled: clinicOperations },
  })),
  fc
    .tuple(fc.constantFrom(...operatorsRoles), fc.constantFrom('latchkey', 'clinic'))
    .map(([role, service]) => ({ service, role, operations: operators, entitled: [] })),
  fc.constant({ service: 'latchkey', role: 'guard', operations: operators, entitled: [] }),
  fc.constant({ service: 'latchkey', role: 'organization-admin', operations: own, entitled: own }),
)

type Choice = typeof choice extends fc.Arbitrary<infer T> ? T : never

async function prepare({ role, operations }: Choice): Promise<void> {
  if (role.startsWith('rol_')) await setRole(role, operations)
}

test('by making a key', async () => {
  const property = fc.asyncProperty(holding('createClientKey'), choice, async (held, chosen) => {
    await setRole(giversRole, held)
    await prepare(chosen)
    const { service, role, operations, entitled } = chosen
    const reply = await give('POST', '/keys', { service, role, name: 'Given' })
    const may = mayGive(held, service, operations, entitled)
    expectAnswer(reply, may, 201, /^role_not_grantable$/)
    if (!may) expect(reply.text).not.toContain('lk_live_')
  })
  await fc.assert(property, runs)
})

test("by changing a key's role", async () => {
  const keys: Readonly<Record<string, Key>> = {
    latchkey: await operator.makeKey(ours, { service: 'latchkey', role: 'organization-viewer' }),
    clinic: await operator.makeKey(ours, { role: 'auditor' }),
  }
  const property = fc.asyncProperty(holding(granting), choice, async (held, chosen) => {
    await setRole(giversRole, held)
    await prepare(chosen)
    const { service, role, operations, entitled } = chosen
    const path = `/keys/${keys[service]?.id ?? ''}/role`
    const before = (await operator.do('GET', at + path.replace('/role', ''))).json['role']
    const reply = await give('PUT', path, { role })
    const may = mayGive(held, service, operations, entitled)
    expectAnswer(reply, may, 200, /^role_not_grantable$/)
    const after = (await operator.do('GET', at + path.replace('/role', ''))).json['role']
    expect(after).toBe(may ? role : before)
  })
  await fc.assert(property, runs)
})

test('by a new secret for a key that holds more', async () => {
  const victim = await operator.makeKey(ours, { service: 'latchkey', role: targetRole })
  const property = fc.asyncProperty(holding('rotateClientKey'), few(own), async (held, operations) => {
    await setRole(giversRole, held)
    await setRole(targetRole, operations)
    const reply = await give('POST', `/keys/${victim.id}/rotate`, { grace_seconds: 0 })
    expectAnswer(reply, mayGive(held, 'latchkey', operations, own), 200, /^role_not_grantable$/)
  })
  await fc.assert(property, runs)
})

/** Operations of a service, some of which nobody in the organization may have. */
const written = fc.oneof(
  few([...own, ...operators]).map((operations) => ({ service: 'latchkey', operations })),
  some(clinicOperations).map((operations) => ({ service: 'clinic', operations })),
)
const entitledTo = (service: string): Operations =>
  service === 'latchkey' ? own : clinicOperations.filter((id) => id !== 'getStatus')

test('by defining a role', async () => {
  let count = 0
  const property = fc.asyncProperty(holding('createRole'), written, async (held, { service, operations }) => {
    await setRole(giversRole, held)
    const body = { service, name: `Defined ${++count}`, allow: [{ operations }] }
    const reply = await give('POST', '/roles', body)
    expectAnswer(reply, mayGive(held, service, operations, entitledTo(service)), 201, /^role_refused$/)
  })
  await fc.assert(property, runs)
})

test('by editing a role: what it has already is not given, what it gains is', async () => {
  const edited: Readonly<Record<string, string>> = { latchkey: targetRole, clinic: clinicRole }
  const property = fc.asyncProperty(
    holding('replaceRole'),
    written,
    fc.infiniteStream(fc.boolean()),
    async (held, { service, operations }, coins) => {
      const entitled = entitledTo(service)
      const had = operations.filter((id) => entitled.includes(id) && coins.next().value === true)
      await setRole(giversRole, held)
      await setRole(edited[service] ?? '', had.length === 0 ? [entitled[0] ?? ''] : had)
      const body = { name: 'Edited', description: '', allow: [{ operations }] }
      const reply = await give('PUT', `/roles/${edited[service] ?? ''}`, body)
      const kept = had.length === 0 ? [entitled[0] ?? ''] : had
      const gained = operations.filter((id) => !kept.includes(id))
      const may = within(operations, entitled) && mayGive(held, service, gained, entitled)
      expectAnswer(reply, may, 200, /^role_refused$/)
    },
  )
  await fc.assert(property, runs)
})

test('by editing its own role', async () => {
  const property = fc.asyncProperty(holding('replaceRole'), few(own), async (held, more) => {
    await setRole(giversRole, held)
    const operations = [...new Set([...held, ...more])]
    const body = { name: 'My own', description: '', allow: [{ operations }] }
    const reply = await give('PUT', `/roles/${giversRole}`, body)
    expectAnswer(reply, held.includes(granting) || within(more, held), 200, /^role_refused$/)
  })
  await fc.assert(property, runs)
})

test('by an entitlement: only what is grantable, and within it alone is given', async () => {
  await setRole(giversRole, own)
  const names = [...Object.keys(clinicRoles), ...operatorsRoles]
  const property = fc.asyncProperty(
    fc.subarray(names),
    fc.constantFrom(...Object.keys(clinicRoles)),
    some(clinicOperations.filter((id) => id !== 'getStatus')),
    async (roles, role, operations) => {
      const set = await operator.try('PUT', `/services/clinic/entitlements/${ours}`, { roles })
      const mayBe = !roles.some((name) => operatorsRoles.includes(name))
      expectAnswer(set, mayBe, 200, /^role_not_grantable$/)
      if (!mayBe) return
      const entitled = roles.flatMap((name) => clinicRoles[name] ?? [])
      const key = await give('POST', '/keys', { service: 'clinic', role, name: 'Given' })
      // A service of which it may use nothing looks like none.
      const refused = roles.length === 0 ? /^service_not_found$/ : /^(role_not_grantable|role_not_found)$/
      expectAnswer(key, roles.includes(role), 201, refused)
      const body = { name: 'Edited', description: '', allow: [{ operations }] }
      const edit = await give('PUT', `/roles/${clinicRole}`, body)
      expectAnswer(edit, within(operations, entitled), 200, /^role_refused$/)
    },
  )
  await fc.assert(property, runs)
})

test('both answers were met often enough to mean something', () => {
  expect(allowedCount).toBeGreaterThan(60)
  expect(refusedCount).toBeGreaterThan(60)
})
