import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clientKeyRoutes } from '../../src/client-keys/api.ts'
import { keyBelongings } from '../../src/client-keys/key-belongings.ts'
import { keysHolding, revokeHolders } from '../../src/client-keys/key-holders.ts'
import { parseSecret } from '../../src/client-keys/secret-format.ts'
import { apiDocument } from '../../src/http/openapi.ts'
import type { Route } from '../../src/http/route.ts'
import { organizationRoutes } from '../../src/organizations/api.ts'
import { roleRoutes } from '../../src/roles/api.ts'
import { roleBelongings } from '../../src/roles/role-belongings.ts'
import { asNamed, json, problem, type Served, serveApi } from '../http/serving.ts'
import { type Deployment, openDeployment } from '../organizations/deployment.ts'

let at: Deployment
let api: Served
let routes: readonly Route[]
beforeEach(async () => {
  at = await openDeployment()
  const { deps } = at
  routes = [
    ...organizationRoutes({ ...deps, belongings: [keyBelongings(deps), roleBelongings(deps)] }),
    ...roleRoutes({
      ...deps,
      tagKeysInUse: [],
      holdersOf: [keysHolding(deps.records)],
      endHolders: [revokeHolders(deps)],
    }),
    ...clientKeyRoutes({ ...deps, origin: 'https://keys.example' }),
  ]
  api = await serveApi(routes, { authenticate: asNamed(routes, at.by.id) })
})
afterEach(() => at.store.close())

const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  api.call(path, {
    token: at.customer.id,
    ...(body === undefined ? { method, headers } : json(method, body, headers)),
  })
const own = () => `/organizations/${at.customer.id}`

async function read(response: Response): Promise<Record<string, unknown>> {
  const body: unknown = await response.json()
  if (!response.ok) throw new Error(JSON.stringify(body))
  return { ...(body as object) }
}

const newKey = async (more: object = {}) =>
  read(
    await call('POST', `${own()}/keys`, {
      service: 'clinic',
      name: 'Export',
      role: 'patients:read',
      ...more,
    }),
  )

describe('POST /organizations/{organization}/keys', () => {
  test('answers the secret, where to use it, and where the key is', async () => {
    const response = await call('POST', `${own()}/keys`, {
      ...{ service: at.clinic.id, name: ' Export ', role: 'patients:read', cidrs: ['192.0.2.0/24'] },
      expires_at: '2031-01-01T00:00:00+01:00',
    })
    expect(response.status).toBe(201)
    expect(response.headers.get('etag')).toBe('"1"')
    const body = await read(response)
    expect(response.headers.get('location')).toBe(`/api/v1${own()}/keys/${body['id']}`)
    expect(parseSecret(String(body['client_secret']))).toEqual({ environment: 'live', keyId: body['id'] })
    expect(body).toMatchObject({
      ...{
        name: 'Export',
        client_id: body['id'],
        service_id: at.clinic.id,
        state: 'active',
        last_used_at: null,
      },
      ...{
        expires_at: '2030-12-31T23:00:00.000Z',
        token_endpoint: 'https://keys.example/clinic/oauth/token',
      },
    })
  })

  test('never shows the secret again', async () => {
    const { id, client_secret } = await newKey()
    const shown = await (await call('GET', `${own()}/keys/${id}`)).text()
    const listed = await (await call('GET', `${own()}/keys`)).text()
    expect(shown + listed).not.toContain(client_secret)
    expect(JSON.parse(shown).secrets).toMatchObject([
      {
        prefix: String(client_secret).slice(0, 35),
        last_four: String(client_secret).slice(-4),
        ends_at: null,
      },
    ])
  })

  test.each([
    [{ name: 'a\u0000b' }, 400],
    [{ name: 'x'.repeat(101) }, '/name'],
    [{ name: '   ' }, '/name'],
    [{ name: 'a\u202eb' }, '/name'],
    [{ name: 7 }, '/name'],
    [{ cidrs: ['10.0.0.1/8'] }, '/cidrs/0'],
    [{ cidrs: '10.0.0.0/8' }, '/cidrs'],
    [{ expires_at: '2029-01-01T00:00:00Z' }, '/expires_at'],
    [{ expires_at: 'tomorrow' }, '/expires_at'],
    [{ environment: 'prod' }, '/environment'],
    [{ rolle: 'x' }, '/rolle'],
    [{ jwks: { keys: [] } }, '/jwks/keys'],
    [{ jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }, '/jwks/keys/0/k'],
  ])('refuses %j with its place', async (more, place) => {
    const given = { service: 'clinic', name: 'Export', role: 'patients:read', ...more }
    const response = await call('POST', `${own()}/keys`, given)
    expect(response.status).toBe(400)
    const { errors } = await problem(response)
    if (typeof place === 'string') expect(errors).toMatchObject([{ pointer: place }])
    expect(JSON.stringify(errors)).not.toContain('c2VjcmV0')
  })

  test('refuses a role that the caller neither holds nor may grant', async () => {
    const body = { service: 'clinic', name: 'Export', role: 'patients:read' }
    const token = `${at.customer.id},grantClientKeyRole`
    const response = await api.call(`${own()}/keys`, { token, ...json('POST', body) })
    expect(response.status).toBe(403)
    expect(await problem(response)).toMatchObject({ code: 'role_not_grantable' })
  })
})

describe('a key over HTTP', () => {
  test('is rotated, changed, given another role, disabled, enabled and revoked', async () => {
    const { id } = await newKey()
    const path = `${own()}/keys/${id}`
    const rotated = await read(await call('POST', `${path}/rotate`))
    expect(rotated['secrets']).toMatchObject([{ ends_at: '2030-01-02T12:00:00.000Z' }, { ends_at: null }])
    const [old] = Array.isArray(rotated['secrets']) ? rotated['secrets'] : []
    const retired = await read(await call('POST', `${path}/retire`, { secret_id: old.id }))
    expect(retired['secrets']).toHaveLength(1)
    expect(await read(await call('PATCH', path, { name: 'Import', expires_at: null }))).toMatchObject({
      name: 'Import',
    })
    expect(await read(await call('PUT', `${path}/role`, { role: 'patients:write' }))).toMatchObject({
      role: 'patients:write',
    })
    expect(await read(await call('POST', `${path}/disable`))).toMatchObject({ state: 'disabled' })
    expect(await read(await call('POST', `${path}/enable`))).toMatchObject({ state: 'active' })
    expect(await read(await call('POST', `${path}/revoke`, { reason: 'key_compromise' }))).toMatchObject({
      ...{ state: 'revoked', revocation_reason: 'key_compromise', secrets: [] },
    })
    expect((await call('POST', `${path}/enable`)).status).toBe(409)
  })

  test('is changed only at the version that If-Match names', async () => {
    const { id } = await newKey()
    const stale = await call('PATCH', `${own()}/keys/${id}`, { name: 'X' }, { 'If-Match': '"3"' })
    expect(stale.status).toBe(412)
    expect((await call('PATCH', `${own()}/keys/${id}`, { name: 'X' }, { 'If-Match': '"1"' })).status).toBe(
      200,
    )
  })

  test('shows when it was used last, from the counters', async () => {
    const { id } = await newKey()
    const mark = {
      organizationId: at.customer.id,
      name: `key:${id}:used`,
      at: Date.parse('2030-01-01T11:00:00Z'),
    }
    await at.store.counters.record([], [mark])
    const shown = await read(await call('GET', `${own()}/keys/${id}`))
    expect(shown['last_used_at']).toBe('2030-01-01T11:00:00.000Z')
  })

  test('of another organization is answered as one that is not there', async () => {
    const { id } = await newKey()
    const elsewhere = await call('GET', `/organizations/${at.operator.id}/keys/${id}`)
    const nowhere = await call('GET', `${own()}/keys/${at.deps.newId('key')}`)
    expect([elsewhere.status, nowhere.status]).toEqual([404, 404])
    expect((await problem(elsewhere))['code']).toBe((await problem(nowhere))['code'])
  })
})

describe('a key of an app', () => {
  test('has redirect URIs, and a public one no secret', async () => {
    const redirect_uris = ['https://app.example/callback']
    const made = await newKey({ redirect_uris, public: true, application_type: 'web' })
    expect(made).toMatchObject({ authentication: 'none', client_secret: null, secrets: [], redirect_uris })
    const changed = await read(
      await call('PATCH', `${own()}/keys/${made['id']}`, {
        application_type: 'native',
        redirect_uris: ['com.example.app:/callback'],
        backchannel_logout_uri: 'https://app.example/logout',
      }),
    )
    expect(changed).toMatchObject({
      application_type: 'native',
      redirect_uris: ['com.example.app:/callback'],
      backchannel_logout_uri: 'https://app.example/logout',
    })
    const untold = await call('PATCH', `${own()}/keys/${made['id']}`, { backchannel_logout_uri: null })
    expect(await read(untold)).toMatchObject({ backchannel_logout_uri: null })
  })

  test('is refused with each wrong address at its place, also when its type changes', async () => {
    const made = await newKey({
      redirect_uris: ['com.example.app:/callback'],
      application_type: 'native',
    })
    for (const [body, pointer] of [
      [{ redirect_uris: ['https://app.example/', 'http://app.example/'] }, '/redirect_uris/1'],
      [{ post_logout_redirect_uris: ['https://app.example/#'] }, '/post_logout_redirect_uris/0'],
      [{ backchannel_logout_uri: 'ftp://app.example/' }, '/backchannel_logout_uri'],
      [{ application_type: 'web' }, '/redirect_uris/0'],
    ] as const) {
      const refused = await call('PATCH', `${own()}/keys/${made['id']}`, body)
      expect(await problem(refused)).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
    }
  })
})

test('lists come in pages, each item once', async () => {
  for (let i = 0; i < 5; i++) await newKey({ name: `Key ${i}` })
  const seen: unknown[] = []
  let cursor: unknown = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${String(cursor)}`
    const page = await read(await call('GET', `${own()}/keys?limit=2${query}`))
    if (Array.isArray(page['items'])) seen.push(...page['items'].map((item: { id: string }) => item.id))
    cursor = page['next_cursor']
  }
  expect(seen).toHaveLength(5)
  expect(new Set(seen).size).toBe(5)
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'cursor=..', 'limits=2'])
    expect((await call('GET', `${own()}/keys?${query}`)).status).toBe(400)
})

describe('roles over HTTP', () => {
  const desk = { service: 'clinic', name: 'Desk', allow: [{ operations: ['GET /patients/{id}'] }] }

  test('are made, read, replaced, held and deleted', async () => {
    const made = await call('POST', `${own()}/roles`, desk)
    expect(made.status).toBe(201)
    const role = await read(made)
    expect(role).toMatchObject({ allow: [{ operations: ['getPatient'] }], description: '' })
    const path = `${own()}/roles/${role['id']}`
    await newKey({ role: role['id'] })
    const held = await problem(await call('DELETE', path))
    expect(held).toMatchObject({ code: 'role_held', holders: [{ kind: 'client_key', name: 'Export' }] })
    const { service: _, ...replacement } = desk
    expect((await call('PUT', path, { ...replacement, name: 'Front desk' })).status).toBe(200)
    expect((await call('DELETE', `${path}?cascade=true`)).status).toBe(204)
    expect((await call('GET', path)).status).toBe(404)
    const { items } = await read(await call('GET', `${own()}/keys?service=clinic`))
    expect(items).toMatchObject([{ state: 'revoked', revocation_reason: 'role_deleted' }])
  })

  test.each([
    [{ ...desk, filter: [] }, 400, '/filter', 'at least 1 items'],
    [{ ...desk, allow: [{ operations: ['getPatient'], where: 'x' }] }, 422, '/allow/0/where', 'character 1'],
    [{ ...desk, allow: [{ operations: ['getPatients'] }] }, 422, '/allow/0/operations/0', 'getPatients'],
    [{ ...desk, allow: [{}] }, 400, '/allow/0/operations', 'required'],
    [{ ...desk, allow: [] }, 400, '/allow', ''],
    [{ ...desk, service: 'nowhere' }, 404, '/service', ''],
  ])('refuse %j', async (body, status, pointer, detail) => {
    const response = await call('POST', `${own()}/roles`, body)
    expect(response.status).toBe(status)
    expect(await problem(response)).toMatchObject({
      errors: [{ pointer, detail: expect.stringContaining(detail) }],
    })
  })
})

describe('organizations over HTTP', () => {
  test('are made, renamed, suspended, reinstated, previewed and deleted', async () => {
    const made = await read(await call('POST', '/organizations', { name: 'Hill Clinic' }))
    const path = `/organizations/${made['id']}`
    expect(made).toMatchObject({ slug: 'hill-clinic', kind: 'customer', state: 'active', suspended_at: null })
    expect(await read(await call('PATCH', path, { name: 'Hill' }))).toMatchObject({ name: 'Hill' })
    expect(await read(await call('POST', `${path}/suspend`, { reason: 'unpaid' }))).toMatchObject({
      ...{ state: 'suspended', suspension_reason: 'unpaid', suspended_at: '2030-01-01T12:00:00.000Z' },
    })
    expect(await read(await call('POST', `${path}/reinstate`))).toMatchObject({ state: 'active' })
    expect(await read(await call('GET', `${path}/deletion-preview`))).toMatchObject({
      confirm: 'hill-clinic',
      goes_with: [
        { kind: 'client_keys', count: 0, remove_first: null },
        { kind: 'roles', count: 0 },
      ],
    })
    const unconfirmed = await call('DELETE', path)
    expect(await problem(unconfirmed)).toMatchObject({
      code: 'confirmation_required',
      goes_with: { roles: 0 },
    })
    expect((await call('DELETE', `${path}?confirm=hill-clinic`)).status).toBe(204)
    expect((await call('GET', path)).status).toBe(404)
    const { items } = await read(await call('GET', '/organizations?limit=200'))
    expect(items).toHaveLength(2)
  })

  test.each(['ab', 'A-b', '-abc', 'abc-', 'a b', 'x'.repeat(41), 'org_abc'])(
    'refuse the slug %j',
    async (slug) => {
      const response = await call('POST', '/organizations', { name: 'Hill', slug })
      expect(response.status).toBe(400)
      expect(await problem(response)).toMatchObject({ errors: [{ pointer: '/slug' }] })
    },
  )
})

test('all routes are in the generated document', () => {
  const { paths } = apiDocument({ routes, origin: 'https://keys.example', version: '1.0.0' })
  const operations = Object.values(paths ?? {}).flatMap((item) => Object.values(item ?? {}))
  expect(operations.length).toBe(routes.length)
})
