import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newIdFrom } from '../../src/ids.ts'
import { type Reply, send, tokenOf } from './client.ts'
import { type ClinicWithPatients, startClinicWithPatients } from './clinic-with-patients.ts'
import { itemsOf } from './operations.ts'

const newId = newIdFrom(Date.now, (count) => crypto.getRandomValues(new Uint8Array(count)))

let clinic: ClinicWithPatients
/** There is this organization, and it may use nothing of the clinic; of these there is none. */
let unrelated: string
const absent = { organization: newId('org'), role: newId('rol') }
beforeAll(async () => {
  clinic = await startClinicWithPatients()
  const { operator } = clinic.deployment
  await operator.importClinic('desk')
  unrelated = await operator.makeOrganization()
  await operator.do('PUT', `/services/clinic/entitlements/${unrelated}`, { roles: [] })
})
afterAll(() => clinic?.deployment.stop())

const post = (path: string, body: unknown, headers = {}) =>
  send(clinic.deployment.address, 'POST', `/clinic/${path}`, { token: clinic.guardToken, body, headers })
const facts = async (question: object) => (await post('facts', question)).json

/** What was answered, without what is each answer's own, whatever organization was asked about. */
function said({ status, text }: Reply, organization: string) {
  const told = text.replace(/"request_id":"[^"]*"/, '').replaceAll(organization, 'it')
  return { status, text: told }
}

describe('to the guards of a service, an organization that may use nothing of it is as one that is not there', () => {
  test('among facts', async () => {
    const { organizations } = await facts({ organizations: [unrelated, absent.organization, clinic.ours] })
    expect(organizations).toEqual({
      [unrelated]: null,
      [absent.organization]: null,
      [clinic.ours]: { state: 'active', entitlement: expect.arrayContaining(['patients:read']) },
    })
  })

  test('and is one again once it may use something', async () => {
    const { operator } = clinic.deployment
    const path = `/services/clinic/entitlements/${unrelated}`
    await operator.do('PUT', path, { roles: ['patients:read'] })
    const { organizations } = await facts({ organizations: [unrelated] })
    await operator.do('PUT', path, { roles: [] })
    expect(organizations).toEqual({ [unrelated]: { state: 'active', entitlement: ['patients:read'] } })
  })

  const resource = (organization: string) => ({ path: '/patients/of-none', organization })
  const questions: readonly (readonly [string, (organization: string) => Promise<Reply>])[] = [
    ['as the owner of a resource', (one) => post('resources', resource(one))],
    ['as the owner of one of many', (one) => post('resources/batch', { resources: [resource(one)] })],
    [
      'as the owner of one in a stream',
      (one) => {
        const headers = { 'content-type': 'application/x-ndjson' }
        return post('resources/stream', `${JSON.stringify(resource(one))}\n`, headers)
      },
    ],
    [
      'as a new owner',
      async (organization) => {
        await clinic.tell({ path: '/patients/moving', organization: clinic.ours })
        return clinic.resources('PUT', '/owner', { path: '/patients/moving', organization })
      },
    ],
    [
      'as that of somebody made up',
      (organization) =>
        post('explain', {
          made_up: { organization, roles: [] },
          request: { method: 'GET', path: '/patients/1' },
        }),
    ],
  ]
  test.each(questions)('%s', async (_what, ask) => {
    const ofUnrelated = said(await ask(unrelated), unrelated)
    expect(ofUnrelated.text).toContain('organization that may use the service')
    expect(ofUnrelated).toEqual(said(await ask(absent.organization), absent.organization))
  })

  test('and nothing is written into it', async () => {
    const { operator } = clinic.deployment
    const events = itemsOf((await operator.do('GET', `/organizations/${unrelated}/audit-events`)).text)
    expect(events.map(({ type }) => type)).not.toContainEqual(expect.stringMatching(/^resource\./))
  })
})

describe('of what belongs to another service, guards hear nothing', () => {
  test('among facts: a role, a resource', async () => {
    const { operator, address } = clinic.deployment
    const role = await operator.makeRole(clinic.ours, ['getPatient'], 'desk')
    const token = await tokenOf(address, await operator.makeGuardKey('desk'))
    const told = { path: '/patients/d1', organization: clinic.ours }
    await operator.do('PATCH', `/organizations/${operator.organizationId}/services/desk`, {
      resources: 'latchkey',
    })
    expect((await send(address, 'POST', '/desk/resources', { token, body: told })).status).toBe(200)
    const { roles, resources } = await facts({
      roles: [role, absent.role],
      resources: ['/patients/{d1}', '/patients/{d2}'],
    })
    expect(roles).toEqual({ [role]: null, [absent.role]: null })
    expect(resources).toEqual({ '/patients/{d1}': null, '/patients/{d2}': null })
  })

  test('on the stream: that a role was made', async () => {
    const { operator, address } = clinic.deployment
    const leave = new AbortController()
    const { body } = await fetch(`${address}/clinic/bundle`, {
      headers: { authorization: `Bearer ${clinic.guardToken}`, accept: 'text/event-stream' },
      signal: leave.signal,
    })
    const theirs = await operator.makeRole(clinic.ours, ['getPatient'], 'desk')
    const own = await operator.makeRole(clinic.ours, ['getPatient'])
    let heard = ''
    for await (const chunk of body ?? []) {
      heard += Buffer.from(chunk).toString()
      if (heard.includes(own)) break
    }
    leave.abort()
    expect(heard).toContain(own)
    expect(heard).not.toContain(theirs)
  })
})
