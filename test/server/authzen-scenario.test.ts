import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTodoService, type TodoService } from './authzen-service.ts'
import type { Reply } from './client.ts'

// The certification scenario of the AuthZEN Authorization API 1.0 by configuration alone: its fixture (§4) is alice and bob
// as users of one domain, two registered records with tags, and a role with conditions. Its requests stand as they are
// written there, with the numbers of its rules.

let todo: TodoService
const put = (rules: object) => {
  const { operator } = todo.deployment
  return operator.try('PUT', `/organizations/${operator.organizationId}/services/todo/authzen`, rules)
}
beforeAll(async () => {
  todo = await startTodoService()
  const { register, organizationId: ours } = todo
  await register('/records/record-1', ours, { status: ['active'] })
  await register('/records/record-2', ours, { status: ['archived'] })
  expect((await put({ user_domain: 'acmecorp.com', unknown_users_role: null })).status).toBe(200)
})
afterAll(() => todo?.deployment.stop())

const user = (id: string, properties?: object) => ({ type: 'user', id, ...(properties && { properties }) })
const [alice, bob] = [user('alice'), user('bob')]
const admin = user('bob', { role: 'admin' })
const [read, write] = [{ name: 'read' }, { name: 'write' }]
const deletes = (soft: boolean) => ({ name: 'delete', properties: { soft } })
const record = (id: string, properties?: object) => ({
  type: 'record',
  id,
  ...(properties && { properties }),
})
const one = record('record-1')
const archived = record('record-2', { status: 'archived' })
const resultsOf = ({ status, text }: Reply): unknown => {
  expect(status, text).toBe(200)
  return JSON.parse(text).results
}

describe('Basic', () => {
  test.each([
    ['rule 1', alice, read, one, true],
    ['rule 2', alice, write, one, true],
    ['rule 3', bob, read, one, true],
    ['rule 4', bob, write, one, false],
    ['rule 5', alice, write, archived, false],
    ['rule 6', admin, write, archived, true],
    ['rule 7', alice, deletes(true), one, true],
    ['rule 8', alice, deletes(false), one, false],
    [
      'additional properties',
      user('alice', { department: 'Sales', role: 'manager' }),
      { name: 'read', properties: { method: 'GET' } },
      record('record-1', { status: 'active', owner: 'bob' }),
      true,
    ],
  ])('%s', async (_, subject, action, resource, expected) => {
    for (const context of [undefined, { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' }]) {
      const { status, json } = await todo.ask('evaluation', { subject, action, resource, context })
      expect([status, json['decision']]).toEqual([200, expected])
    }
  })
})

test.each([
  [
    'one subject',
    { subject: alice, action: read },
    [{ resource: one }, { resource: record('record-2') }],
    [true, true],
  ],
  ['order', { subject: bob, resource: one }, [{ action: read }, { action: write }], [true, false]],
  [
    'properties',
    { subject: alice, action: write },
    [{ resource: record('record-1', { status: 'active' }) }, { resource: archived }],
    [true, false],
  ],
  [
    'subjects',
    { action: write, resource: archived },
    [{ subject: alice }, { subject: admin }],
    [false, true],
  ],
  [
    'default value merging',
    { subject: alice, action: write, resource: { type: 'record' } },
    [{ resource: { id: 'record-1', properties: { status: 'active' } } }, { resource: archived }],
    [true, false],
  ],
  ['an evaluation-level error', { subject: alice, action: read }, [{ resource: one }, {}], [true, false]],
])('Batch: %s', async (_, defaults, evaluations, expected) => {
  const { text } = await todo.ask('evaluations', { ...defaults, evaluations })
  const decisions = JSON.parse(text).evaluations.map(({ decision }: { decision: boolean }) => decision)
  expect(decisions).toEqual(expected)
})

describe('Search', () => {
  const search = async (what: string, body: object) => resultsOf(await todo.ask(`search/${what}`, body))

  test('subjects, by the names that they are asked about with', async () => {
    const found = await search('subject', { subject: { type: 'user' }, action: read, resource: one })
    expect(new Set(Array.isArray(found) ? found : [])).toEqual(new Set([alice, bob]))
    const writers = { subject: { type: 'user' }, action: write, resource: archived }
    expect(await search('subject', writers)).toEqual([bob])
    expect(await search('subject', { ...writers, subject: { type: 'spaceship' } })).toEqual([])
  })

  test('resources', async () => {
    const readable = { subject: alice, action: read, resource: { type: 'record' } }
    expect(await search('resource', readable)).toEqual([one, record('record-2')])
    expect(await search('resource', { ...readable, subject: admin, action: write })).toEqual([
      record('record-2'),
    ])
  })

  test('actions', async () => {
    expect(await search('action', { subject: alice, resource: one })).toEqual([read, write])
    expect(await search('action', { subject: admin, resource: archived })).toContainEqual(write)
    expect(await search('action', { subject: user('nonexistent-user'), resource: one })).toEqual([])
  })
})

describe('users who have no role at the service', () => {
  const editor = user('mallory', { team: ['editors'], organization: 'org_x', role: 'admin' })

  test('are refused, until the service’s owner gives them a role in its own organization', async () => {
    const { register, deployment, ask } = todo
    const { operator } = deployment
    await register('/records/own', operator.organizationId, { status: ['active'] })
    const decision = async (subject: object, resource: object, context = {}) =>
      (await ask('evaluation', { subject, action: write, resource, context })).json['decision']
    expect(await decision(editor, record('own'))).toBe(false)
    const set = await put({ user_domain: 'acmecorp.com', unknown_users_role: 'records' })
    expect(set.json).toEqual({ user_domain: 'acmecorp.com', unknown_users_role: 'records' })
    expect(await decision(editor, record('own'))).toBe(true)
    expect(await decision(user('mallory'), record('own'))).toBe(false)
    // Of an organization that is none of theirs; through an app that may do nothing; and who is known is not described.
    expect(await decision(editor, one)).toBe(false)
    expect(await decision(editor, record('own'), { scope: '' })).toBe(false)
    expect(await decision(user('bob', { team: 'editors' }), one)).toBe(false)
    expect(await decision({ ...editor, type: 'key' }, record('own'))).toBe(false)
    // Somebody of another organization who has nothing to do with the service is as one who is nowhere.
    await operator.makeUser(todo.otherOrganizationId, { email: 'trent@acmecorp.com' })
    expect(await decision({ ...editor, id: 'trent' }, record('own'))).toBe(true)
  })

  test('what is said of them is its owner’s to say, within what may be given', async () => {
    const { operator } = todo.deployment
    const path = (organization: string) => `/organizations/${organization}/services/todo/authzen`
    const rules = { user_domain: null, unknown_users_role: null }
    expect((await operator.try('PUT', path(todo.organizationId), rules)).status).toBe(404)
    expect((await operator.try('GET', path(todo.organizationId))).status).toBe(404)
    expect((await put({ ...rules, unknown_users_role: 'nothing' })).json).toMatchObject({
      ...{ code: 'role_not_found', errors: [{ pointer: '/unknown_users_role' }] },
    })
    expect((await put({ ...rules, user_domain: 'no domain' })).json).toMatchObject({
      errors: [{ pointer: '/user_domain' }],
    })
    const { json } = await operator.do('GET', path(operator.organizationId))
    expect(json).toEqual({ user_domain: 'acmecorp.com', unknown_users_role: 'records' })
  })
})
