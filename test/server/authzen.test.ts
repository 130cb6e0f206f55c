import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTodoService, type TodoService } from './authzen-service.ts'
import { type Reply, send, tokenOf } from './client.ts'

// The examples of the AuthZEN Authorization API 1.0, each under the section that it is from.

let todo: TodoService
beforeAll(async () => {
  todo = await startTodoService()
  const { register, organizationId: ours, otherOrganizationId: theirs } = todo
  for (const path of [
    '/accounts/123',
    '/documents/boxcarring.md',
    '/documents/resource-search.md',
    '/todos/1',
  ])
    await register(path, ours)
  for (const id of ['1', '3']) await register(`/documents/${id}`, ours)
  await register('/documents/2', theirs)
  await register('/records/record-1', ours, { status: ['active'], secret: ['no'] })
  await register('/records/record-2', ours, { status: ['active'] })
})
afterAll(() => todo?.deployment.stop())

const alice = { type: 'user', id: 'alice@acmecorp.com' }
const can = (name: string) => ({ name })
const document = (id: string) => ({ type: 'document', id })
const account = { type: 'account', id: '123' }
const evaluate = (body: unknown, headers = {}) => todo.ask('evaluation', body, headers)
const decisions = ({ text }: Reply): unknown =>
  JSON.parse(text).evaluations.map(({ decision }: { decision: boolean }) => decision)

describe('Access Evaluation (§6)', () => {
  test('§6.1.1: alice reads account 123, whatever else stands beside it', async () => {
    const context = { time: '1985-10-26T01:22-07:00' }
    const action = { name: 'can_read', properties: { method: 'GET' } }
    const reply = await evaluate({ subject: alice, resource: account, action, context })
    expect([reply.status, reply.json['decision']]).toEqual([200, true])
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/)
    const unknown = {
      subject: { ...alice, mood: 'good' },
      resource: account,
      action,
      future: { nested: true },
    }
    expect((await evaluate(unknown)).json['decision']).toBe(true)
  })

  test('§6.2.3: a denial says why to whoever asks, and to the subject not whether there is such a thing', async () => {
    const asked = { subject: alice, action: can('can_edit'), resource: account }
    const denied = await evaluate(asked)
    expect(denied.json).toEqual({
      decision: false,
      context: {
        id: expect.stringMatching(/^dec_/),
        reason_admin: { code: 'operation_not_in_role' },
        reason_user: { en: expect.any(String) },
      },
    })
    const absent = await evaluate({
      ...asked,
      action: can('can_read'),
      resource: { type: 'account', id: '9' },
    })
    const foreign = await evaluate({ ...asked, action: can('can_read'), resource: document('2') })
    for (const { json } of [absent, foreign])
      expect(json).toMatchObject({
        decision: false,
        context: {
          reason_admin: { code: 'unknown_resource' },
          reason_user: contextOf(denied)['reason_user'],
        },
      })
  })

  test.each([
    ['no operation and no scope', can('can_fly'), account, 'unknown_operation'],
    ['an operation of another kind of resource', can('get_todo'), account, 'unknown_resource'],
    ['no kind of resource', can('can_read'), { type: 'spaceship', id: '1' }, 'unknown_resource'],
    ['no one id', can('get_note'), { type: 'note', id: '1' }, 'unknown_resource'],
    ['a path that says more than an id', can('can_read'), { type: 'account', id: '..' }, 'unknown_resource'],
  ])('denies %s', async (_, action, resource, code) => {
    const { status, json } = await evaluate({ subject: alice, action, resource })
    expect([status, json]).toMatchObject([200, { decision: false, context: { reason_admin: { code } } }])
  })

  test.each([
    ['the template', { type: '/accounts/{accountId}', id: '123' }],
    ['its shape', { type: '/accounts/{}', id: '123' }],
    ['the name before the id', { type: 'accounts', id: '123' }],
    ['the resource’s name', { type: 'account', id: '/accounts/{123}' }],
  ])('knows a resource by %s', async (_, resource) => {
    for (const name of ['can_read', 'get_account'])
      expect((await evaluate({ subject: alice, action: can(name), resource })).json['decision']).toBe(true)
  })

  test('an action on no resource is on its path alone', async () => {
    const resource = { type: 'document', id: 'new' }
    const { json } = await evaluate({ subject: alice, action: can('create_document'), resource })
    expect(json).toMatchObject({ context: { reason_admin: { code: 'operation_not_in_role' } } })
  })
})

describe('who a subject is', () => {
  test('an access token, a key, a user by id: each as `decide` answers', async () => {
    const { operator, address } = todo.deployment
    const key = await operator.makeKey(todo.organizationId, { service: 'todo', role: 'can_read' })
    const token = await tokenOf(address, key, 'todo')
    const subjects = [
      { type: 'access_token', id: token },
      { type: 'key', id: key.id },
      { type: 'user', id: todo.alice },
    ]
    for (const subject of subjects)
      expect((await evaluate({ subject, action: can('can_read'), resource: account })).json['decision']).toBe(
        true,
      )
    const strangers = [
      { type: 'access_token', id: todo.token },
      { type: 'key', id: todo.alice },
      { type: 'user', id: key.id },
      { type: 'user', id: 'nobody@acmecorp.com' },
      { type: 'robot', id: key.id },
    ]
    for (const subject of strangers)
      expect((await evaluate({ subject, action: can('can_read'), resource: account })).json).toMatchObject({
        decision: false,
        context: { reason_admin: { code: 'invalid_token' } },
      })
  })

  test('a user through an app is within its scope', async () => {
    const asked = { subject: alice, action: can('can_read'), resource: account }
    expect((await evaluate({ ...asked, context: { scope: 'can_read openid' } })).json['decision']).toBe(true)
    expect((await evaluate({ ...asked, context: { scope: ['can_write'] } })).json).toMatchObject({
      decision: false,
      context: { reason_admin: { code: 'insufficient_scope' }, needed_scopes: ['can_read'] },
    })
  })

  test('whom two organizations know is nobody until it is said which', async () => {
    const { operator } = todo.deployment
    const body = { email: 'carol@acmecorp.com', roles: [{ service: 'todo', role: 'can_read' }] }
    for (const organization of [todo.organizationId, todo.otherOrganizationId])
      await operator.do('POST', `/organizations/${organization}/users`, body)
    const asked = { subject: { type: 'user', id: body.email }, action: can('can_read'), resource: account }
    expect((await evaluate(asked)).json['decision']).toBe(false)
  })

  test.each([
    'organization',
    'organization_id',
    'owner',
    'role',
    'roles',
    'scope',
    'latchkey:origin',
    'access-tag:GET:*',
  ])('the property %s opens nothing, and gives nothing', async (name) => {
    const properties = { [name]: todo.organizationId, id: todo.alice, kind: 'key', tags: { role: ['admin'] } }
    const subject = { ...alice, properties: { ...properties, [name]: ['can_edit', 'admin', '*'] } }
    const edited = await evaluate({ subject, action: can('can_edit'), resource: account })
    expect(edited.json).toMatchObject({ context: { reason_admin: { code: 'operation_not_in_role' } } })
    for (const id of ['2', 'nowhere']) {
      const resource = { ...document(id), properties }
      const read = await evaluate({ subject, action: can('can_read'), resource })
      expect(read.json).toMatchObject({ context: { reason_admin: { code: 'unknown_resource' } } })
    }
  })

  test.each([
    ['what is below a registered one is described beside its tags', 'record-2/n1', { secret: 'no' }, true],
    ['and so as it is described', 'record-2/n1', { secret: 'yes' }, false],
    ['what the registered one says, stays', 'record-1/n1', { secret: 'yes', STATUS: 'archived' }, true],
    ['what is not described is not known', 'record-2/n1', undefined, false],
    ['what nobody registered holds, is nobody’s', 'record-9/n1', { secret: 'no', status: 'active' }, false],
  ])('of a resource: %s', async (_, id, properties, expected) => {
    const resource = { type: 'note', id, properties }
    const { json } = await evaluate({ subject: alice, action: can('get_note'), resource })
    expect(json['decision']).toBe(expected)
  })

  test('a member __proto__ is no body at all', async () => {
    const body = `{"subject":{"type":"user","id":"a","properties":{"__proto__":{"decision":true}}},"action":{"name":"x"},"resource":{"type":"x","id":"x"}}`
    expect((await evaluate(body, { 'content-type': 'application/json' })).status).toBe(400)
  })
})

describe('Access Evaluations (§7)', () => {
  const context = { time: '2024-05-31T15:22-07:00' }
  const several = (body: object) => todo.ask('evaluations', body)

  test('§7.1: each says all of it itself', async () => {
    const evaluations = ['boxcarring.md', 'subject-search.md', 'resource-search.md'].map((id) => ({
      ...{ subject: alice, action: can('can_read'), resource: document(id), context },
    }))
    expect(decisions(await several({ evaluations }))).toEqual([true, false, true])
  })

  test('§7.1.1, §7.2: defaults for all, and one that differs', async () => {
    const evaluations = [
      { resource: document('boxcarring.md') },
      { resource: document('subject-search.md') },
      { action: can('can_edit'), resource: document('resource-search.md') },
    ]
    const reply = await several({ subject: alice, context, action: can('can_read'), evaluations })
    expect(decisions(reply)).toEqual([true, false, false])
    expect(reply.json['decision']).toBeUndefined()
  })

  test('an entity replaces the default whole, but for what it must have', async () => {
    const evaluations = [{ resource: { id: '123' } }, { resource: { type: 'todo' } }, { action: {} }]
    const asked = {
      subject: alice,
      action: can('can_read'),
      resource: { type: 'account', id: '1' },
      evaluations,
    }
    expect(decisions(await several(asked))).toEqual([true, true, false])
  })

  test.each([
    ['execute_all', ['1', '2', '3'], [true, false, true]],
    ['deny_on_first_deny', ['1', '2', '3'], [true, false]],
    ['permit_on_first_permit', ['1', '2', '3'], [true]],
    ['deny_on_first_deny', ['1', '3'], [true, true]],
    ['permit_on_first_permit', ['2', '1', '3'], [false, true]],
    [undefined, ['2', '1'], [false, true]],
  ])('§7.1.2.1.1: %s of %j', async (semantic, ids, expected) => {
    const options = semantic === undefined ? { another_option: 'value' } : { evaluations_semantic: semantic }
    const evaluations = ids.map((id) => ({ resource: document(id) }))
    const asked = { subject: alice, action: can('can_read'), options, evaluations }
    expect(decisions(await several(asked))).toEqual(expected)
  })

  test('§7.2.1: what one lacks denies that one, and ends what ends at a denial', async () => {
    const asked = { subject: alice, action: can('can_read') }
    const evaluations = [
      { resource: document('1') },
      {},
      { resource: 'x' },
      'nonsense',
      { resource: document('3') },
    ]
    const all = await several({ ...asked, evaluations })
    expect(all.status).toBe(200)
    expect(decisions(all)).toEqual([true, false, false, false, true])
    expect(JSON.parse(all.text).evaluations[1].context.error).toMatchObject({ status: 400 })
    const options = { evaluations_semantic: 'deny_on_first_deny' }
    expect(decisions(await several({ ...asked, options, evaluations }))).toEqual([true, false])
  })

  test('without questions of its own it is one evaluation', async () => {
    const asked = { subject: alice, action: can('can_read'), resource: account }
    for (const more of [{}, { evaluations: [] }])
      expect((await several({ ...asked, ...more })).json).toMatchObject({ decision: true })
    expect((await several({ subject: alice, evaluations: [] })).status).toBe(400)
  })

  test('an unknown semantic, and too many questions, are refused whole', async () => {
    const evaluations = [{ resource: account }]
    const asked = { subject: alice, action: can('can_read') }
    for (const options of [{ evaluations_semantic: 'first_come' }, { evaluations_semantic: 1 }, 'all'])
      expect((await several({ ...asked, evaluations, options })).status).toBe(400)
    const many = { ...asked, evaluations: Array.from({ length: 1_001 }, () => ({ resource: account })) }
    expect((await several(many)).status).toBe(400)
  })
})

describe('the HTTPS binding (§10)', () => {
  const asked = { subject: alice, action: can('can_read'), resource: account }

  test('§10.1.3: echoes X-Request-ID', async () => {
    for (const id of [
      'bfe9eb29-ab87-4ca3-be83-a1d5d8305716',
      'conformance-1',
      'a b/c: "d"',
      'x'.repeat(300),
    ]) {
      expect((await evaluate(asked, { 'x-request-id': id })).headers.get('x-request-id')).toBe(id)
      expect((await evaluate({}, { 'x-request-id': id })).headers.get('x-request-id')).toBe(id)
    }
    expect((await evaluate(asked)).headers.get('x-request-id')).not.toBeNull()
    const path = '/todo/access/v1/evaluation'
    const headers = { 'x-request-id': 'no token, %' }
    const refused = await send(todo.deployment.address, 'POST', path, { body: asked, headers })
    expect([refused.status, refused.headers.get('x-request-id')]).toEqual([401, 'no token, %'])
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/)
  })

  test.each([
    ['no subject', { ...asked, subject: undefined }],
    ['no action', { ...asked, action: undefined }],
    ['no resource', { ...asked, resource: undefined }],
    ['a subject without a type', { ...asked, subject: { id: 'a' } }],
    ['a subject without an id', { ...asked, subject: { type: 'user' } }],
    ['an action without a name', { ...asked, action: {} }],
    ['a resource without a type', { ...asked, resource: { id: '1' } }],
    ['a resource without an id', { ...asked, resource: { type: 'account' } }],
    ['a text for a subject', { ...asked, subject: 'alice' }],
    ['a number for a name', { ...asked, action: { name: 123 } }],
    ['a list for properties', { ...asked, subject: { ...alice, properties: [] } }],
    ['a text for a context', { ...asked, context: 'now' }],
    ['a list', []],
    ['nothing', ''],
    ['no JSON', '{"subject":'],
  ])('§10.1.2: answers 400 to %s', async (_, body) => {
    const { status } = await evaluate(body, { 'content-type': 'application/json' })
    expect(status).toBe(400)
  })

  test('§10.1.1, §10.1.2: another media type is 400, no token 401, another method no 2xx', async () => {
    const { address } = todo.deployment
    expect((await evaluate(JSON.stringify(asked), { 'content-type': 'text/plain' })).status).toBe(400)
    const path = '/todo/access/v1/evaluation'
    expect((await send(address, 'POST', path, { body: asked })).status).toBe(401)
    expect((await send(address, 'POST', path, { body: asked, token: `${todo.token}x` })).status).toBe(401)
    expect([404, 405]).toContain((await send(address, 'GET', path, { token: todo.token })).status)
  })
})

test('§9.2: the metadata are where the identifier says, and name it', async () => {
  const { address, config } = todo.deployment
  const { status, json, headers } = await send(address, 'GET', '/.well-known/authzen-configuration/todo')
  expect([status, headers.get('content-type')]).toEqual([200, expect.stringMatching(/^application\/json/)])
  expect(headers.get('cache-control')).toBe('public, max-age=3600')
  const point = `${config.origin}/todo`
  expect(json).toEqual({
    policy_decision_point: point,
    access_evaluation_endpoint: `${point}/access/v1/evaluation`,
    access_evaluations_endpoint: `${point}/access/v1/evaluations`,
    search_subject_endpoint: `${point}/access/v1/search/subject`,
    search_resource_endpoint: `${point}/access/v1/search/resource`,
    search_action_endpoint: `${point}/access/v1/search/action`,
  })
  for (const other of ['latchkey', 'nothing', ''])
    expect((await send(address, 'GET', `/.well-known/authzen-configuration/${other}`)).status).toBe(404)
})

function contextOf({ json }: Reply): Readonly<Record<string, unknown>> {
  const { context } = json
  return typeof context === 'object' && context !== null ? { ...context } : {}
}
