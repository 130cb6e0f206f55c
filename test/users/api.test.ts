import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { userRoutes } from '../../src/users/api.ts'
import { asNamed, json, problem, type Served, serveApi } from '../http/serving.ts'
import { openPeople, type People } from './people.ts'

let at: People
let api: Served
beforeEach(async () => {
  at = await openPeople()
  const routes = userRoutes(at.deps)
  api = await serveApi(routes, { authenticate: asNamed(routes, at.by.id) })
})
afterEach(() => at.store.close())

const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  api.call(path, {
    token: at.customer.id,
    ...(body === undefined ? { method, headers } : json(method, body, headers)),
  })
const people = () => `/organizations/${at.customer.id}/users`

async function read(response: Response): Promise<Record<string, unknown>> {
  const body: unknown = await response.json()
  if (!response.ok) throw new Error(JSON.stringify(body))
  return { ...(body as object) }
}

const sam = {
  email: 'Sam@Harbour.example',
  name: 'Sam',
  roles: [{ service: 'clinic', role: 'patients:read' }],
}

describe('POST /organizations/{organization}/users', () => {
  test('answers the person and where they are', async () => {
    const response = await call('POST', people(), { ...sam, tags: { Ward: ['north', 'south'] } })
    expect(response.status).toBe(201)
    expect(response.headers.get('etag')).toBe('"1"')
    const body = await read(response)
    expect(response.headers.get('location')).toBe(`/api/v1${people()}/${body['id']}`)
    expect(body).toEqual({
      ...{ id: body['id'], organization_id: at.customer.id, email: 'Sam@Harbour.example', name: 'Sam' },
      ...{ email_verified_at: null, state: 'invited', disabled_at: null, password_changed_at: null },
      roles: [{ service_id: at.clinic.id, role: 'patients:read', connection_id: null }],
      ...{ tags: { Ward: ['north', 'south'] }, identities: [], created_by: at.by.id },
      created_at: '2030-01-01T12:00:00.000Z',
    })
  })

  test.each([
    [{ email: 'sam' }, '/email'],
    [{ email: 'Sam <sam@harbour.example>' }, '/email'],
    [{ email: 'sam@harbour.example\r\nBcc: all@harbour.example' }, '/email'],
    [{ email: `${'s'.repeat(250)}@harbour.example` }, '/email'],
    [{ email: 'sаm@harbour.example' }, '/email'],
    [{ name: 'a\u202eb' }, '/name'],
    [{ roles: [{ service: 'clinic' }] }, '/roles/0/role'],
    [{ roles: 'patients:read' }, '/roles'],
    [{ tags: { ward: [] } }, '/tags/ward'],
    [{ tags: { ward: 'north' } }, '/tags/ward'],
    [{ tags: { 'latchkey:admin': ['yes'] } }, '/tags/latchkey:admin'],
    [{ tags: { 'Access-Tag:GET:*': ['*'] } }, '/tags/Access-Tag:GET:*'],
    [{ tags: { ward: ['north'], WARD: ['south'] } }, '/tags'],
    [{ tags: { ward: ['north', 'NORTH'] } }, '/tags'],
    [{ tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ['v']])) }, '/tags'],
    [{ password: 'correct horse battery staple' }, '/password'],
  ])('refuses %j with its place', async (more, pointer) => {
    const response = await call('POST', people(), { ...sam, ...more })
    expect(response.status).toBe(400)
    expect(await problem(response)).toMatchObject({ errors: [{ pointer }] })
  })

  test('answers 409 for an address that is taken', async () => {
    await call('POST', people(), sam)
    const again = await call('POST', people(), { ...sam, email: 'sam@harbour.example' })
    expect(again.status).toBe(409)
    expect(await problem(again)).toMatchObject({ code: 'already_exists', errors: [{ pointer: '/email' }] })
  })

  test('refuses what the caller neither holds nor may grant', async () => {
    const token = `${at.customer.id},grantClientKeyRole`
    const role = await api.call(people(), { token, ...json('POST', sam) })
    expect([role.status, (await problem(role))['code']]).toEqual([403, 'role_not_grantable'])
    const tagged = await api.call(people(), {
      token,
      ...json('POST', { ...sam, roles: [], tags: { ward: ['north'] } }),
    })
    expect([tagged.status, (await problem(tagged))['code']]).toEqual([403, 'tag_not_grantable'])
  })
})

describe('people over HTTP', () => {
  test('are listed, and found by their address whatever its letter case', async () => {
    const { id } = await read(await call('POST', people(), sam))
    await call('POST', people(), { email: 'kim@harbour.example' })
    expect((await read(await call('GET', people())))['items']).toHaveLength(2)
    const found = await read(await call('GET', `${people()}?email=SAM@harbour.EXAMPLE`))
    expect(found['items']).toMatchObject([{ id }])
    expect((await read(await call('GET', `${people()}?email=no@harbour.example`)))['items']).toEqual([])
  })

  test('are read, changed, disabled, enabled and deleted', async () => {
    const { id } = await read(await call('POST', people(), sam))
    const one = `${people()}/${id}`
    const changed = await read(await call('PATCH', one, { name: null, roles: [], tags: { ward: ['north'] } }))
    expect(changed).toMatchObject({ name: null, roles: [], tags: { ward: ['north'] } })
    expect(await read(await call('GET', one))).toEqual(changed)
    const disabled = await read(await call('POST', `${one}/disable`))
    expect(disabled).toMatchObject({ state: 'disabled', disabled_at: '2030-01-01T12:00:00.000Z' })
    expect(await read(await call('POST', `${one}/enable`))).toMatchObject({ state: 'invited' })
    expect((await call('DELETE', one)).status).toBe(204)
    const gone = await call('GET', one)
    expect([gone.status, (await problem(gone))['code']]).toEqual([404, 'user_not_found'])
  })

  test('change only at the version that If-Match names', async () => {
    const { id } = await read(await call('POST', people(), sam))
    for (const [method, path, body] of [
      ['PATCH', '', { name: 'S' }],
      ['POST', '/disable', {}],
      ['DELETE', '', undefined],
    ] as const) {
      const answer = await call(method, `${people()}/${id}${path}`, body, { 'If-Match': '"7"' })
      expect([answer.status, (await problem(answer))['code']]).toEqual([412, 'precondition_failed'])
    }
  })
})
