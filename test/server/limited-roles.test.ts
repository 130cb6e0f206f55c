import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Reply, send, tokenOf } from './client.ts'
import { type Deployment, startDeployment } from './deployment.ts'

let deployment: Deployment
beforeAll(async () => {
  deployment = await startDeployment()
})
afterAll(() => deployment?.stop())

/** What a key may do that has a role of its organization's own making over the management API. */
async function limited(allow: readonly object[]) {
  const { operator, address } = deployment
  const organization = await operator.makeOrganization()
  const role = { service: 'latchkey', name: 'Limited', description: '', allow }
  const made = await operator.do('POST', `/organizations/${organization}/roles`, role)
  const key = await operator.makeKey(organization, { service: 'latchkey', role: String(made.json['id']) })
  const token = await tokenOf(address, key)
  return (method: string, path: string, body?: unknown): Promise<Reply> => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    return send(address, method, `/api/v1/organizations/${organization}${path}`, { token, body, headers })
  }
}

test('a role with fields is held to them on the management API, in the query and in the body', async () => {
  const call = await limited([
    { operations: ['listClientKeys'], fields: ['limit'] },
    { operations: ['renameOrganization'], fields: ['name'] },
  ])
  expect((await call('GET', '/keys?limit=5')).status).toBe(200)
  expect((await call('GET', '/keys?service=clinic')).json).toMatchObject({ status: 403, code: 'forbidden' })
  expect((await call('PATCH', '', { name: 'Ours' })).json).toMatchObject({ name: 'Ours' })
  expect((await call('PATCH', '', { name: 'Ours', other: 1 })).json).toMatchObject({ code: 'forbidden' })
})

test('a condition on the body is asked of what is sent, and of nothing that can be read in two ways', async () => {
  const where = "$request:body:name LIKE 'Ours%'"
  const call = await limited([{ operations: ['renameOrganization'], where }])
  expect((await call('PATCH', '', { name: 'Ours again' })).json).toMatchObject({ name: 'Ours again' })
  expect((await call('PATCH', '', { name: 'Theirs' })).json).toMatchObject({ code: 'forbidden' })
  expect((await call('PATCH', '')).json).toMatchObject({ code: 'forbidden' })
  const twice = await call('PATCH', '', '{"name":"Ours","name":"Theirs"}')
  expect(twice.json).toMatchObject({ status: 400, code: 'invalid_request' })
})

test('a role with a filter is refused for the management API, which would refuse what it is put over', async () => {
  const { operator } = deployment
  const organization = await operator.makeOrganization()
  const refused = await operator.try('POST', `/organizations/${organization}/roles`, {
    ...{ service: 'latchkey', name: 'Names', allow: [{ operations: ['listUsers'] }] },
    filter: [{ operations: ['listUsers'], fields: ['items.id'] }],
  })
  expect(refused).toMatchObject({
    status: 422,
    json: { code: 'role_refused', errors: [{ pointer: '/filter' }] },
  })
})
