import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newIdFrom } from '../../src/ids.ts'
import { type Reply, send, tokenOf } from './client.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { addPerson, type Person } from './people.ts'

let deployment: Deployment
let clinicId: string
let customer: string
let guardToken: string
/** Has come in once, and has no role any more. */
let without: Person
/** Has come in, and has one. */
let staff: Person
beforeAll(async () => {
  deployment = await startDeployment()
  const { operator, address } = deployment
  clinicId = await operator.importClinic()
  customer = await operator.makeOrganization()
  guardToken = await tokenOf(address, await operator.makeGuardKey())
  without = await addPerson(operator, customer, 'without@far.example')
  await setRoles(without)
  staff = await addPerson(operator, customer, 'staff@far.example')
})
afterAll(() => deployment?.stop())

const setRoles = ({ organizationId, id }: Person, ...roles: readonly object[]) =>
  deployment.operator.do('PATCH', `/organizations/${organizationId}/users/${id}`, { roles })

/** What was answered, without what is each answer's own, and what was asked for under one name. */
function shown({ status, json }: Reply, ...names: readonly string[]) {
  const { request_id: _, ...rest } = json
  const text = JSON.stringify(rest).replaceAll(/dec_[0-9a-z]{26}/g, 'a decision')
  return { status, text: names.reduce((all, name) => all.replaceAll(name, 'it'), text) }
}

const nobody = String(newIdFrom(Date.now, (count) => new Uint8Array(count))('usr'))
const request = { method: 'GET', path: '/patients/p1' }

describe('somebody who has no role at a service', () => {
  const evaluation = (id: string) => ({
    subject: { type: 'user', id },
    action: { name: 'getPatient' },
    resource: { type: '/patients/{patientId}', id: 'p1' },
  })
  test.each([
    ['decide', (id: string) => ({ principal: { id }, request })],
    ['explain', (id: string) => ({ principal: { id }, request })],
    ['access/v1/evaluation', evaluation],
  ])('is nobody to those who guard it: %s', async (path, body) => {
    const { operator, address } = deployment
    const ask = async (id: string) => {
      const reply = await send(address, 'POST', `/clinic/${path}`, { token: guardToken, body: body(id) })
      return shown(reply, id)
    }
    const none = await ask(nobody)
    expect(none.status).toBe(200)
    expect(await ask(without.id)).toEqual(none)
    // Nor are they told that somebody has not come yet.
    expect(await ask(await operator.makeUser(customer))).toEqual(none)
    expect(await ask(staff.id)).not.toEqual(none)
  })

  test('is one of its own to its owner, who is told what they lack', async () => {
    const { operator, address } = deployment
    const own = await addPerson(operator, operator.organizationId, 'own@clinic.example')
    await setRoles(own)
    const asked = { token: guardToken, body: { principal: { id: own.id }, request } }
    const { json } = await send(address, 'POST', '/clinic/explain', asked)
    expect(json).toMatchObject({ decision: { reason: 'no_role' }, changes: expect.arrayContaining([]) })
  })
})

describe('a service of which an organization may use nothing', () => {
  const own = () => `/organizations/${customer}`
  const allow = [{ operations: ['getPatient'] }]
  test.each([
    ['a role', 'roles', (service: string) => ({ service, name: 'Readers', allow })],
    ['a key', 'keys', (service: string) => ({ service, name: 'Key', role: 'patients:read' })],
    [
      'a person',
      'users',
      (service: string) => ({ email: 'ana@far.example', roles: [{ service, role: 'patients:read' }] }),
    ],
    [
      'an assumption',
      'assumptions',
      (service: string) => ({
        ...{ service, name: 'Helpers', role: 'patients:read' },
        assuming_organization: deployment.operator.organizationId,
      }),
    ],
  ])('looks like none to whoever makes %s there', async (_what, path, body) => {
    const { operator } = deployment
    const entitlement = `/services/clinic/entitlements/${customer}`
    await operator.do('PUT', entitlement, { roles: [] })
    const none = await operator.try('POST', `${own()}/${path}`, body('nowhere'))
    expect(none.json).toMatchObject({ code: 'service_not_found' })
    for (const named of ['clinic', clinicId])
      expect(shown(await operator.try('POST', `${own()}/${path}`, body(named)), named)).toEqual(
        shown(none, 'nowhere'),
      )
    await operator.do('DELETE', entitlement)
  })

  test('is still known to who has something there', async () => {
    const { operator } = deployment
    const roles = [{ service: 'clinic', role: 'patients:read' }]
    const user = await operator.makeUser(customer, { roles })
    await operator.do('PUT', `/services/clinic/entitlements/${customer}`, { roles: [] })
    const kept = await operator.try('PATCH', `${own()}/users/${user}`, { roles, name: 'Ana' })
    expect(kept.status, kept.text).toBe(200)
    await operator.do('DELETE', `/services/clinic/entitlements/${customer}`)
  })
})
