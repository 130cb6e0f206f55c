import { afterAll, describe, expect, test } from 'vitest'
import { type Call, type Reply, send, tokenOf } from './client.ts'
import { startDeployment } from './deployment.ts'
import {
  absent,
  type DocumentedOperation,
  documentedOperations,
  isOwnOrganizations,
  pathOf,
} from './operations.ts'

const deployment = await startDeployment()
afterAll(() => deployment.stop())

const { address, operator } = deployment
await operator.importClinic()
const ours = await operator.makeOrganization('Ours')
const theirs = await operator.makeOrganization('Theirs')
const management = { service: 'latchkey' }
const admin = await operator.makeKey(ours, { ...management, role: 'organization-admin' })
const viewer = await operator.makeKey(ours, { ...management, role: 'organization-viewer' })
const testing = await operator.makeKey(ours, {
  ...management,
  role: 'organization-admin',
  environment: 'test',
})
const machine = await operator.makeKey(ours, { role: 'patients:read' })
const theirKey = await operator.makeKey(theirs, { role: 'patients:read' })
const theirRole = await operator.makeRole(theirs, ['listPatients'])
const theirUser = await operator.makeUser(theirs)
const theirAssumption = String(
  (
    await operator.do('POST', `/organizations/${theirs}/assumptions`, {
      ...{ service: 'clinic', name: 'Help', role: 'patients:read', assuming_organization: ours },
    })
  ).json['id'],
)

const tokens = {
  operator: await operator.token(),
  admin: await tokenOf(address, admin),
  viewer: await tokenOf(address, viewer),
  testing: await tokenOf(address, testing),
  otherService: await tokenOf(address, machine, 'clinic'),
}

const all = await documentedOperations(address)
const operations = all.filter(({ template }) => template.startsWith('/api/v1/'))
const own = operations.filter(isOwnOrganizations)
const operatorsOnly = operations.filter((one) => !isOwnOrganizations(one))
const named = (list: readonly DocumentedOperation[]) =>
  list.map((operation) => [`${operation.method} ${operation.template}`, operation] as const)

/** An unknown query parameter is refused once the call itself is allowed: it shows that, and changes nothing. */
const allowedButRefused = '?nonsense=1'

function call(operation: DocumentedOperation, path: string, token: string | undefined): Promise<Reply> {
  return send(address, operation.method, path, { token, ...bodyOf(operation) })
}

function bodyOf({ takesBody, takesDocument, example }: DocumentedOperation): Call {
  if (takesDocument) return { body: '{}', headers: { 'content-type': 'application/json' } }
  return takesBody ? { body: example ?? {} } : {}
}

/** Everything of an answer that a caller can tell apart, but for the request id and what counts requests. */
function toldBy({ status, headers, text }: Reply): unknown {
  const id = headers.get('x-request-id') ?? ''
  const varying = ['x-request-id', 'x-decision-id', 'date', 'ratelimit', 'ratelimit-policy']
  return {
    status,
    headers: [...headers].filter(([name]) => !varying.includes(name)),
    text: text.replaceAll(id, 'REQUEST_ID'),
  }
}

test('the document tells of enough operations for a walk to mean something', () => {
  expect(own.length).toBeGreaterThanOrEqual(20)
  expect(operatorsOnly.length).toBeGreaterThanOrEqual(12)
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
})

describe.each(named(operations))('%s', (_, operation) => {
  test('is served', async () => {
    const { status, json } = await call(operation, pathOf(operation) + allowedButRefused, tokens.operator)
    expect([status, json['code']]).toEqual([400, 'invalid_request'])
  })

  test('has no other methods beside it than those that the document tells of', async () => {
    const documented = operations
      .filter(({ template }) => template === operation.template)
      .map(({ method }) => method)
    const { status, headers } = await send(address, 'PROPFIND', pathOf(operation), { token: tokens.operator })
    expect(status).toBe(405)
    const served = headers.get('allow')?.split(', ')
    expect(served?.filter((method) => method !== 'HEAD').toSorted()).toEqual(documented.toSorted())
  })

  test.each([
    ['no token', undefined],
    ['a token of another service', tokens.otherService],
    ['a token of a test key', tokens.testing],
    ['a token that is none', 'eyJhbGciOiJub25lIn0.e30.'],
  ])('refuses %s', async (_, token) => {
    const { status, headers, json } = await call(operation, pathOf(operation, { organization: ours }), token)
    expect([status, json['code']]).toEqual([401, 'invalid_token'])
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /)
  })

  test('refuses a viewer who would write', async () => {
    if (operation.method === 'GET') return
    const { status, json } = await call(operation, pathOf(operation, { organization: ours }), tokens.viewer)
    expect([status, json['code']]).toEqual([403, 'forbidden'])
  })
})

describe.each(named(own))('%s', (_, operation) => {
  test("is open to the organization's own administrator", async () => {
    const path = pathOf(operation, { organization: ours }) + allowedButRefused
    expect((await call(operation, path, tokens.admin)).status).toBe(400)
  })

  test('is open to its viewer if it reads', async () => {
    const path = pathOf(operation, { organization: ours }) + allowedButRefused
    expect((await call(operation, path, tokens.viewer)).status).toBe(operation.method === 'GET' ? 400 : 403)
  })

  test("answers another organization's administrator as if there were no such organization", async () => {
    const inIt = {
      organization: theirs,
      key: theirKey.id,
      role: theirRole,
      user: theirUser,
      assumption: theirAssumption,
      service: 'clinic',
    }
    for (const token of [tokens.admin, tokens.viewer]) {
      if (token === tokens.viewer && operation.method !== 'GET') continue
      const foreign = await call(operation, pathOf(operation, inIt), token)
      const nowhere = { ...inIt, organization: absent('organization') }
      expect(foreign.status).toBe(404)
      expect(foreign.json['code']).toBe('organization_not_found')
      expect(toldBy(foreign)).toEqual(toldBy(await call(operation, pathOf(operation, nowhere), token)))
    }
  })

  test("answers for another organization's thing under its own path as if there were no such thing", async () => {
    if (!['assumption', 'key', 'role', 'user'].some((name) => operation.parameters.includes(name))) return
    const theirThings = { key: theirKey.id, role: theirRole, user: theirUser, assumption: theirAssumption }
    const foreign = pathOf(operation, { organization: ours, ...theirThings })
    const answered = await call(operation, foreign, tokens.admin)
    const missing = await call(operation, pathOf(operation, { organization: ours }), tokens.admin)
    expect(missing.status).toBe(404)
    // What is asked for is repeated in no answer.
    expect(toldBy(answered)).toEqual(toldBy(missing))
  })

  test('answers the operator 404 for an organization that is not there', async () => {
    const { status, json } = await call(operation, pathOf(operation), tokens.operator)
    expect([status, json['code']]).toEqual([404, expect.stringMatching(/_not_found$/)])
  })
})

test.each(named(operatorsOnly))('%s is for the operator alone', async (_, operation) => {
  const values = { service: 'clinic', entitled_organization: ours }
  for (const token of [tokens.admin, tokens.viewer]) {
    const { status, json } = await call(operation, pathOf(operation, values), token)
    expect([status, json['code']]).toEqual([403, 'forbidden'])
  }
})

test('the operations of guards are served beside the issuer, and open to a guard of that service alone', async () => {
  const guardKey = await operator.makeGuardKey()
  const guardToken = await tokenOf(address, guardKey)
  const guardOperations = all.filter(({ template }) => !template.startsWith('/api/v1/'))
  expect(guardOperations.map(({ id }) => id).toSorted()).toEqual([
    ...[
      'askFacts',
      'decide',
      'evaluateAccess',
      'evaluateAccesses',
      'explain',
      'followService',
      'reachableResources',
      'readResource',
    ],
    ...['recordDecisions', 'registerResource', 'registerResources', 'rehomeResource', 'removeResource'],
    ...['searchActions', 'searchResources', 'searchSubjects', 'streamResources'],
  ])
  for (const operation of guardOperations) {
    const at = (service: string, token?: string) => call(operation, pathOf(operation, { service }), token)
    // Let in; what is sent may be refused.
    expect([200, 400, 415]).toContain((await at('clinic', guardToken)).status)
    const elsewhere = toldBy(await at('latchkey', guardToken))
    expect(elsewhere).toEqual(toldBy(await at('absent-1', guardToken)))
    expect(elsewhere).toMatchObject({ status: 404 })
    expect((await at('clinic')).status).toBe(401)
    expect((await at('clinic', tokens.admin)).status).toBe(403)
    expect((await at('clinic', tokens.otherService)).status).toBe(401)
  }
})

test('nothing of the walk has changed anything', async () => {
  const { json } = await operator.do('GET', `/organizations/${theirs}`)
  expect(json).toMatchObject({ name: 'Theirs', state: 'active' })
  const key = await operator.do('GET', `/organizations/${theirs}/keys/${theirKey.id}`)
  expect(key.json).toMatchObject({ state: 'active', role: 'patients:read' })
})
