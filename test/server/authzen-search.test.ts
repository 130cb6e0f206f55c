import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTodoService, type TodoService } from './authzen-service.ts'
import type { Reply } from './client.ts'

// The examples of §8 of the AuthZEN Authorization API 1.0.

let todo: TodoService
let alice: { readonly type: string; readonly id: string }
let bob: { readonly type: string; readonly id: string }
beforeAll(async () => {
  todo = await startTodoService()
  const { register, organizationId: ours, otherOrganizationId: theirs } = todo
  alice = { type: 'user', id: todo.alice }
  bob = { type: 'user', id: todo.bob }
  for (const id of ['123', '456', '7 & ü']) await register(`/accounts/${encodeURIComponent(id)}`, ours)
  await register('/accounts/abc', theirs)
  await register('/accounts/lent', theirs, { 'access-tag:GET:*': [ours] })
  await register('/records/record-1', ours, { status: ['active'] })
  await register('/records/record-2', ours, { status: ['archived'] })
})
afterAll(() => todo?.deployment.stop())

const can = (name: string, properties?: object) => ({ name, ...(properties && { properties }) })
const account = (id: string) => ({ type: 'account', id })
const context = { time: '2024-10-26T01:22-07:00' }
const search = (what: string, body: object) => todo.ask(`search/${what}`, body)
const results = ({ status, text }: Reply): readonly unknown[] => {
  expect(status, text).toBe(200)
  return JSON.parse(text).results
}
const nextToken = ({ text }: Reply): unknown => JSON.parse(text).page.next_token

/** All pages of a search, and that none has more than asked for. */
async function allPages(what: string, body: object, limit: number): Promise<readonly unknown[]> {
  const all: unknown[] = []
  for (let token: unknown = ''; ; ) {
    const reply = await search(what, { ...body, page: { limit, token } })
    expect(results(reply).length).toBeLessThanOrEqual(limit)
    all.push(...results(reply))
    token = nextToken(reply)
    if (token === '') return all
  }
}

/** What a search finds, an evaluation allows. */
async function expectAllowed(questions: readonly object[]): Promise<void> {
  const reply = await todo.ask('evaluations', { evaluations: questions })
  for (const one of JSON.parse(reply.text).evaluations) expect(one.decision).toBe(true)
}

describe('Subject Search (§8.4)', () => {
  const asked = { subject: { type: 'user' }, action: can('can_read'), resource: account('123'), context }

  test('finds the users who may, page by page', async () => {
    const reply = await search('subject', asked)
    expect(results(reply)).toEqual([alice, bob].toSorted((a, b) => (a.id < b.id ? -1 : 1)))
    expect(JSON.parse(reply.text).page).toEqual({ next_token: '', count: 2 })
    expect(await allPages('subject', asked, 1)).toEqual(results(reply))
    await expectAllowed(results(reply).map((subject) => ({ ...asked, subject })))
  })

  test('of those with tags, and within what an app may do for them', async () => {
    const write = { ...asked, action: can('write') }
    expect(
      results(await search('subject', { ...write, resource: { type: 'record', id: 'record-2' } })),
    ).toEqual([bob])
    expect(
      results(await search('subject', { ...write, resource: { type: 'record', id: 'record-1' } })),
    ).toEqual([alice])
    const scoped = { ...asked, context: { scope: 'can_edit' } }
    expect(results(await search('subject', scoped))).toEqual([])
  })

  test('finds client keys, of whoever owns the resource and of those whom it is shared with', async () => {
    const { operator } = todo.deployment
    const key = async (organization: string) => {
      const { id } = await operator.makeKey(organization, { service: 'todo', role: 'can_read' })
      return { type: 'key', id }
    }
    const [own, other] = [await key(todo.organizationId), await key(todo.otherOrganizationId)]
    const keys = (id: string) =>
      search('subject', { ...asked, subject: { type: 'key' }, resource: account(id) })
    expect(results(await keys('123'))).toEqual([own])
    expect(results(await keys('abc'))).toEqual([other])
    expect(new Set(results(await keys('lent')))).toEqual(new Set([own, other]))
    const all = { ...asked, subject: { type: 'key' }, resource: account('lent') }
    expect(new Set(await allPages('subject', all, 1))).toEqual(new Set([own, other]))
    const named = { ...all, context: { organization: todo.organizationId } }
    expect(results(await search('subject', named))).toEqual([own])
  })

  test.each([
    ['an unknown type', { subject: { type: 'spaceship' } }],
    ['an unknown resource', { resource: account('nowhere') }],
    ['an unknown action', { action: can('can_fly') }],
    ['tokens, which nobody keeps', { subject: { type: 'access_token' } }],
  ])('finds nobody for %s', async (_, more) => {
    expect(results(await search('subject', { ...asked, ...more }))).toEqual([])
  })
})

describe('Resource Search (§8.5)', () => {
  const asked = () => ({ subject: alice, action: can('can_read'), resource: { type: 'account' } })

  test('finds what the subject may read, its organization’s own and what is shared with it, page by page', async () => {
    const found = results(await search('resource', asked()))
    const ids = ['123', '456', '7 & ü', 'lent']
    expect(found).toEqual(ids.map(account))
    expect(await allPages('resource', asked(), 2)).toEqual(found)
    await expectAllowed(found.map((resource) => ({ ...asked(), resource })))
  })

  test('by tags, and by what would be sent', async () => {
    const records = { resource: { type: 'record' } }
    const record = (id: string) => ({ type: 'record', id })
    const write = async (subject: object) =>
      results(await search('resource', { ...records, subject, action: can('write') }))
    expect(await write(alice)).toEqual([record('record-1')])
    expect(await write(bob)).toEqual([record('record-2')])
    const softly = { ...records, subject: alice, action: can('delete', { soft: true }) }
    expect(results(await search('resource', softly))).toEqual(['record-1', 'record-2'].map(record))
    const firmly = { ...softly, action: can('delete', { soft: false }) }
    expect(results(await search('resource', firmly))).toEqual([])
  })

  test.each([
    ['an unknown subject', { subject: { type: 'user', id: 'nobody' } }],
    ['an unknown type', { resource: { type: 'spaceship' } }],
    ['an unknown action', { action: can('can_fly') }],
    ['an action on no resource', { action: can('create_document'), resource: { type: 'document' } }],
  ])('finds nothing for %s', async (_, more) => {
    expect(results(await search('resource', { ...asked(), ...more }))).toEqual([])
  })
})

describe('Action Search (§8.6)', () => {
  test('finds what the subject may do there, page by page', async () => {
    const asked = { subject: alice, resource: account('123'), context }
    expect(results(await search('action', asked))).toEqual([{ name: 'get_account' }])
    const record = { subject: alice, resource: { type: 'record', id: 'record-1' } }
    const found = [{ name: 'read' }, { name: 'write' }]
    expect(results(await search('action', record))).toEqual(found)
    expect(await allPages('action', record, 1)).toEqual(found)
    await expectAllowed(found.map((action) => ({ ...record, action })))
  })

  test('finds nothing for whom nobody knows, and where there is nothing', async () => {
    const nobody = { subject: { type: 'user', id: 'nobody' }, resource: account('123') }
    expect(results(await search('action', nobody))).toEqual([])
    expect(results(await search('action', { subject: alice, resource: account('abc') }))).toEqual([])
    expect(results(await search('action', { subject: alice, resource: { type: 'ship', id: '1' } }))).toEqual(
      [],
    )
  })
})

describe('a search', () => {
  const subject = { type: 'user' }
  const action = can('can_read')
  const resource = account('123')

  test.each([
    ['subject', { subject, resource }],
    ['subject', { subject, action, resource: { type: 'account' } }],
    ['subject', { subject: {}, action, resource }],
    ['resource', { action, resource }],
    ['resource', { subject, action, resource }],
    ['action', { subject: { type: 'user', id: 'a' } }],
    ['action', { subject, resource }],
    ['subject', { subject, action, resource, page: { limit: -1 } }],
    ['subject', { subject, action, resource, page: { limit: 1.5 } }],
    ['subject', { subject, action, resource, page: 'first' }],
    ['subject', { subject, action, resource, page: { token: 'nonsense' } }],
    ['resource', { subject: { type: 'user', id: 'a' }, action, resource, page: { token: 'nonsense' } }],
    ['action', { subject: { type: 'user', id: 'a' }, resource, page: { token: 'nonsense' } }],
  ])('for a %s refuses what it cannot read: %j', async (what, body) => {
    expect((await search(what, body)).status).toBe(400)
  })

  test('begins its answer with the page (§8.3)', async () => {
    const { text } = await search('subject', { subject, action, resource })
    expect(Object.keys(JSON.parse(text))).toEqual(['page', 'results'])
  })

  test('goes on with the limit of the page before, if none is said, and in whatever order it is asked', async () => {
    const asked = { subject, action, resource, context: { time: 'noon', more: [{ b: 1, a: 2 }] } }
    const first = await search('subject', { ...asked, page: { limit: 1 } })
    const page = { token: nextToken(first) }
    const turned = { context: { more: [{ a: 2, b: 1 }], time: 'noon' }, resource, page, action, subject }
    const second = await search('subject', turned)
    expect([results(first).length, results(second).length]).toEqual([1, 1])
    expect([...results(first), ...results(second)]).toEqual(results(await search('subject', asked)))
  })

  test.each<[string, object]>([
    ['another subject', { subject: { type: 'key' } }],
    ['another action', { action: can('get_account') }],
    ['another resource', { resource: account('456') }],
    ['another context', { context: { time: 'later' } }],
    ['a list in place of an object', { context: { ...context, more: [['a', 1]] } }],
    ['another limit', { page: { limit: 2 } }],
    ['other properties of the page', { page: { properties: { sort: 'name' } } }],
  ])('does not go on with %s (§8.2)', async (_, other) => {
    const asked = {
      ...{ subject, action, resource, page: { limit: 1 } },
      context: { ...context, more: { a: 1 } },
    }
    const token = nextToken(await search('subject', asked))
    expect(token).not.toBe('')
    const changed = { ...asked, ...other }
    const { status, json } = await search('subject', { ...changed, page: { ...changed.page, token } })
    expect([status, json]).toMatchObject([400, { errors: [{ pointer: '/page/token' }] }])
    const elsewhere = { ...asked, subject: alice, page: { ...asked.page, token } }
    expect((await search('action', elsewhere)).status).toBe(400)
  })

  test('of at most nothing says whether there is something', async () => {
    const asked = { subject, action, resource }
    const none = await search('subject', { ...asked, page: { limit: 0 } })
    expect([results(none), nextToken(none)]).toEqual([[], expect.stringMatching(/./)])
    const nobody = await search('subject', { ...asked, resource: account('nowhere'), page: { limit: 0 } })
    expect([results(nobody), nextToken(nobody)]).toEqual([[], ''])
  })

  test('ignores the id of what is looked for', async () => {
    const asked = { subject: { ...subject, id: 'ignored' }, action, resource }
    expect(results(await search('subject', asked))).toHaveLength(2)
  })
})
