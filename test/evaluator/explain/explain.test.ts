import { describe, expect, test, vi } from 'vitest'
import { compileModel } from '../../../src/evaluator/compile-model.ts'
import type { DecisionRequest } from '../../../src/evaluator/decide.ts'
import { explain } from '../../../src/evaluator/explain/explain.ts'
import type { Explanation } from '../../../src/evaluator/explain/explanation.ts'
import type { Caller, OrganizationRole, ResourceFact, Statement } from '../../../src/evaluator/model.ts'
import { factsOf, machine, model, operation, person, role } from '../clinic-model.ts'

const request = {
  query: { env: {}, password: {} },
  body: { members: { size: 'integer', secretNote: 'string' }, open: true },
} as const
const operations = [
  operation('putCluster', 'PUT /clusters/{id}', {
    resourceParameter: 'id',
    request,
    alternatives: [['clusters:write']],
  }),
  operation('getPart', 'GET /clusters/{id}/parts/{part}', { resourceParameter: 'part' }),
  operation('getSettings', 'GET /organizations/{organization}/settings', {
    organizationParameter: 'organization',
    alternatives: [['settings']],
  }),
  operation('exportAll', 'POST /export', { alternatives: [['read', 'exports']] }),
]
const roles = [
  role('clusters:write', []),
  role('settings', []),
  role('read', ['getPart']),
  role('exports', []),
  role('staff', ['putCluster', 'getPart', 'exportAll', 'getSettings'], { delegable: false }),
  role('beta', ['putCluster'], { inDefaultEntitlement: false }),
]
const entitlement = ['clusters:write', 'settings', 'read', 'exports', 'staff']
const compiled = compileModel(model(operations, { roles, resources: 'latchkey' }))

interface World {
  readonly own?: Partial<Statement> & Partial<Pick<OrganizationRole, 'filter'>>
  readonly resource?: ResourceFact
  readonly entitlement?: readonly string[]
  readonly body?: unknown
}

const mine: ResourceFact = { owner: 'org_a', tags: {} }

function explaining(caller: Caller | undefined, asked: string, world: World = {}): Explanation {
  const { own: { filter, ...statement } = {}, resource = mine, body } = world
  const [method = '', path = ''] = asked.split(' ')
  const allow = [{ operations: ['putCluster'], ...statement }]
  const ownRole = { id: 'rol_own', organizationId: 'org_a', allow, ...(filter && { filter }) }
  const resources = { '/clusters/{c1}': resource }
  const facts = factsOf({ org_a: world.entitlement ?? entitlement }, [ownRole], resources)
  const sent: DecisionRequest =
    body === undefined
      ? { method, path }
      : { method, path, body: { kind: 'value', mediaType: 'application/json', value: body } }
  return explain(compiled, { facts, caller, request: sent })
}

const own = machine(['rol_own'])
const put = 'PUT /clusters/c1'

function attemptsOf({ operations }: Explanation) {
  return operations.flatMap(({ sides }) => sides.flatMap((side) => side.roles.flatMap((one) => one.attempts)))
}

describe('an explanation', () => {
  test('tells each role and each statement that was tried, with its place', () => {
    const { operations } = explaining(machine(['rol_own', 'gone', 'beta', 'read']), put)
    expect(operations).toMatchObject([
      {
        operation: { id: 'putCluster' },
        reason: 'allowed',
        sides: [
          {
            kind: 'roles',
            allows: true,
            roles: [
              {
                names: ['rol_own'],
                standing: 'held',
                attempts: [{ place: { kind: 'statement', role: 'rol_own', index: 0 }, reason: 'allowed' }],
              },
              { names: ['gone'], standing: 'unknown', attempts: [] },
              { names: ['beta'], standing: 'not_entitled', attempts: [] },
              { names: ['read'], standing: 'held', attempts: [] },
            ],
          },
          {
            kind: 'entitlement',
            allows: true,
            roles: [
              { names: ['staff'] },
              {
                names: ['clusters:write'],
                attempts: [{ place: { kind: 'security', scopes: ['clusters:write'] }, reason: 'allowed' }],
              },
            ],
          },
        ],
      },
    ])
  })

  test('tells of roles that open an operation only together', () => {
    const { operations } = explaining(machine(['read', 'exports']), 'POST /export')
    expect(operations[0]?.sides[0]?.roles[2]).toMatchObject({
      names: ['read', 'exports'],
      attempts: [{ reason: 'allowed' }],
    })
  })

  test('tells whose the resource is, and by which name it was found', () => {
    const resource = { owner: 'org_b', tags: { env: ['dev'] } }
    expect(explaining(machine(['read']), 'GET /clusters/c1/parts/p1', { resource }).operations).toMatchObject(
      [
        {
          reason: 'unknown_resource',
          resource: {
            names: ['/clusters/{c1}/parts/{p1}', '/clusters/{c1}'],
            standing: 'of_another',
            registered: { name: '/clusters/{c1}', owner: 'org_b', tags: { env: ['dev'] } },
          },
        },
      ],
    )
    expect(explaining(own, 'PUT /clusters/c2').operations[0]?.resource).toEqual({
      names: ['/clusters/{c2}'],
      standing: 'unregistered',
    })
    expect(explaining(own, put).operations[0]?.resource?.standing).toBe('owned')
  })

  test('tells which organization the path is of', () => {
    const { operations, changes } = explaining(machine(['settings']), 'GET /organizations/org_b/settings')
    expect(operations[0]).toMatchObject({
      reason: 'unknown_resource',
      organization: { parameter: 'organization', asked: 'org_b', own: 'org_a', passes: false },
    })
    expect(changes).toEqual([])
  })

  test('tells the part of a condition that failed, with the values of both sides', () => {
    const where =
      "$request:env = 'dev' AND ($resourceTags:team = $principalTags:team OR NOT $resourceTags:open IS NULL)"
    const caller = machine(['rol_own'], { tags: { team: ['core'] } })
    const resource = { owner: 'org_a', tags: { Team: ['Infra', 'ops'] } }
    const [attempt] = attemptsOf(explaining(caller, `${put}?env=dev`, { own: { where }, resource }))
    expect(attempt?.reason).toBe('condition_false')
    expect(attempt?.condition?.decisive).toEqual([
      {
        text: '$resourceTags:team = $principalTags:team',
        truth: 'false',
        variables: [
          { name: '$resourceTags:team', values: { kind: 'values', values: ['infra', 'ops'], more: 0 } },
          { name: '$principalTags:team', values: { kind: 'values', values: ['core'], more: 0 } },
        ],
      },
      {
        text: '$resourceTags:open IS NULL',
        truth: 'true',
        variables: [{ name: '$resourceTags:open', values: { kind: 'none', why: 'absent' } }],
      },
    ])
    expect(attempt?.condition?.tree).toMatchObject({
      kind: 'and',
      of: [{ truth: 'true' }, { kind: 'or', of: [{}, { kind: 'not', truth: 'false' }] }],
    })
  })

  test.each([
    "$resourceTags:env = 'dev' AND $request:size = 3",
    "NOT ($resourceTags:env = 'dev' OR $request:size = 3)",
  ])('tells of a tag that is missing and that no body makes up for: %s', (where) => {
    const [attempt] = attemptsOf(explaining(own, put, { own: { where } }))
    expect(attempt?.reason).toBe('condition_unknown')
    const tag = { name: '$resourceTags:env', values: { kind: 'none', why: 'absent' } }
    expect(attempt?.condition?.tree).toMatchObject({ truth: 'unknown' })
    expect(attempt?.condition?.decisive).toEqual([
      { text: "$resourceTags:env = 'dev'", truth: 'unknown', variables: [tag] },
    ])
  })

  test.each([
    ["$resourceTags:env = 'dev' OR $request:size = 3", '$request:size = 3'],
    [
      "$request:size = 4 OR ($request:size = 3 AND NOT ($request:size = 5 OR $resourceTags:env = 'dev'))",
      '$request:size = 4',
    ],
  ])('tells of no tag that the body could do without: %s', (where, needed) => {
    const [attempt] = attemptsOf(explaining(own, put, { own: { where } }))
    expect(attempt?.reason).toBe('body_required')
    expect(attempt?.condition?.decisive.map(({ text, truth }) => [text, truth])).toEqual([
      [needed, 'body_required'],
    ])
  })

  test('tells all fields that are outside of the list, by their names alone', () => {
    const fields = ['size']
    const body = { size: 3, secretNote: 'hunter2', deep: [{ 'a.b': 'hunter2' }, {}] }
    const explanation = explaining(own, `${put}?env=hunter2`, { own: { fields }, body })
    expect(attemptsOf(explanation)[0]?.fieldsOutside).toEqual(['env', 'secretNote', 'deep.a\\.b', 'deep'])
    expect(JSON.stringify(explanation)).not.toContain('hunter2')
  })

  test('tells the tags that are missing or unequal', () => {
    const resource = { owner: 'org_a', tags: { Env: ['dev'], team: ['core'], tier: ['1'] } }
    const caller = machine(['rol_own'], { tags: { env: ['DEV'], team: ['x'] } })
    expect(attemptsOf(explaining(caller, put, { resource }))[0]).toMatchObject({
      reason: 'tag_mismatch',
      tagsUnmatched: [
        { key: 'team', needed: { values: ['core'] }, own: { values: ['x'] } },
        { key: 'tier', needed: { values: ['1'] }, own: { kind: 'none', why: 'absent' } },
      ],
    })
  })

  test('tells what is shown of responses', () => {
    const filter = [{ operations: ['putCluster'], fields: ['metadata'], mask: '***' }]
    const { decision, operations } = explaining(own, put, { own: { filter } })
    expect(decision).toMatchObject({ allowed: true, filter: [{}] })
    expect(operations[0]?.sides[0]?.roles[0]?.attempts[0]?.filters).toEqual([
      { role: 'rol_own', fields: ['metadata'], mask: '***' },
    ])
  })

  test.each([
    ['GET /clusters//c1', 'ambiguous_path'],
    ['GET /nothing', 'unknown_operation'],
    ['POST /clusters/c1', 'method_not_allowed'],
  ])('tells of %s no more than that it is %s', (asked, reason) => {
    expect(explaining(own, asked)).toMatchObject({ decision: { reason }, operations: [], changes: [] })
  })

  test('tells of nobody no more than which operation it would be', () => {
    expect(explaining(undefined, put)).toMatchObject({
      decision: { reason: 'invalid_token' },
      operations: [{ operation: { id: 'putCluster' }, reason: 'invalid_token', sides: [] }],
      changes: [],
    })
  })
})

describe('values', () => {
  test('of a body are never shown, nor those under names that look like a secret’s, nor what they are held against', () => {
    const where =
      "$request:secretNote = 'hunter3' AND $request:password = 'hunter3' AND $resourceTags:apiKey IN ('hunter3')" +
      " AND $request:body:size BETWEEN 1 AND 2 AND $principalTags:'db token' LIKE 'hunter3%'"
    const resource = { owner: 'org_a', tags: { apiKey: ['hunter2'] } }
    const caller = machine(['rol_own'], { tags: { 'DB Token': ['hunter2'] } })
    const body = { secretNote: 'hunter2', size: 4242 }
    const explanation = explaining(caller, `${put}?password=hunter2`, { own: { where }, resource, body })
    expect(
      attemptsOf(explanation)[0]?.condition?.decisive.map(({ text, variables }) => [
        text,
        variables[0]?.values,
      ]),
    ).toEqual([
      ["$request:secretNote = '[secret]'", { kind: 'hidden', why: 'body' }],
      ["$request:password = '[secret]'", { kind: 'hidden', why: 'secret' }],
      ["$resourceTags:apiKey IN ('[secret]')", { kind: 'hidden', why: 'secret' }],
      ['$request:body:size BETWEEN 1 AND 2', { kind: 'hidden', why: 'body' }],
      ["$principalTags:'db token' LIKE '[secret]%'", { kind: 'hidden', why: 'secret' }],
    ])
    const { operations, changes } = explanation
    const told = JSON.stringify([operations.map(({ sides }) => sides), changes])
    expect(told).not.toMatch(/hunter|4242/)
  })

  test('that are many or long are cut', () => {
    const where = "$resourceTags:env = 'x'"
    const resource = {
      owner: 'org_a',
      tags: { env: ['y'.repeat(255), ...Array.from({ length: 30 }, (_, i) => `${i}`)] },
    }
    const [attempt] = attemptsOf(explaining(own, put, { own: { where }, resource }))
    const values = attempt?.condition?.decisive[0]?.variables[0]?.values
    expect(values).toMatchObject({ kind: 'values', more: 21 })
    expect(values?.kind === 'values' && values.values[0]?.length).toBe(201)
  })
})

test('what customers write does not make an explanation long without end', () => {
  const values = Array.from({ length: 50 }, (_, i) => `${i}`.padEnd(255, 'x'))
  const resource = { owner: 'org_a', tags: { env: values } }
  const where = Array.from({ length: 100 }, (_, i) => `$resourceTags:env = 'no ${i}'`).join(' OR ')
  const allow = Array.from({ length: 200 }, (_, i) => ({
    operations: ['putCluster'],
    where: `${where} OR $resourceTags:env = 'no ${i + 100}'`,
  }))
  const facts = factsOf({ org_a: entitlement }, [{ id: 'rol_own', organizationId: 'org_a', allow }], {
    '/clusters/{c1}': resource,
  })
  const situation = { facts, caller: own, request: { method: 'PUT', path: '/clusters/c1' } }
  const { operations, changes } = explain(compiled, situation)
  const told = operations.flatMap(({ sides }) => sides[0]?.roles[0]?.attempts ?? [])
  expect(told).toHaveLength(200)
  expect(told.filter(({ condition }) => condition !== undefined)).toHaveLength(20)
  expect(told[0]?.condition?.decisive).toHaveLength(20)
  expect(JSON.stringify(told).length).toBeLessThan(2_000_000)
  expect(changes.length).toBeGreaterThan(0)
})

test('a body is read once, however many decisions an explanation takes', () => {
  const facts = factsOf({ org_a: entitlement }, [], {
    '/clusters/{c1}': { owner: 'org_a', tags: { env: ['dev'] } },
  })
  const text = JSON.stringify({ size: 3 })
  const sent = {
    method: 'PUT',
    path: '/clusters/c1?env=x',
    body: { kind: 'text', mediaType: 'application/json', text },
  } as const
  const where = "$request:size = 4 AND $request:env = 'y' AND $principalTags:team = 'core'"
  const ownRole = { id: 'rol_own', organizationId: 'org_a', allow: [{ operations: ['putCluster'], where }] }
  const known = { ...facts, role: () => ownRole }
  const read = vi.spyOn(JSON, 'parse')
  const { changes } = explain(compiled, { facts: known, caller: own, request: sent })
  const reads = read.mock.calls.filter(([of]) => of === text)
  read.mockRestore()
  expect(changes.some((change) => change.length > 2)).toBe(true)
  expect(reads).toHaveLength(1)
})

const changesOf = (...asked: Parameters<typeof explaining>) => explaining(...asked).changes

describe('the smallest changes', () => {
  test('are a role within the entitlement, the narrowest first', () => {
    expect(changesOf(machine(['read']), put)).toEqual([
      [{ kind: 'give_role', role: 'clusters:write' }],
      [{ kind: 'give_role', role: 'staff' }],
    ])
  })

  test('are the entitlement, where the role is held or no other is left', () => {
    const without = ['read']
    expect(changesOf(machine(['clusters:write']), put, { entitlement: without })).toContainEqual([
      { kind: 'entitle', role: 'clusters:write' },
    ])
    expect(changesOf(own, put, { entitlement: without })).toContainEqual([{ kind: 'entitle', role: 'beta' }])
    expect(changesOf(machine(['read']), put, { entitlement: without })[0]).toEqual([
      { kind: 'entitle', role: 'clusters:write' },
      { kind: 'give_role', role: 'clusters:write' },
    ])
  })

  test('are a scope, and a role with it if that is lacking too', () => {
    const app = (held: readonly string[]) => person(held, { scope: ['read'] })
    expect(changesOf(app(['staff']), put)).toEqual([[{ kind: 'add_scope', scope: 'clusters:write' }]])
    expect(changesOf(app(['read']), put)).toContainEqual([
      { kind: 'give_role', role: 'clusters:write' },
      { kind: 'add_scope', scope: 'clusters:write' },
    ])
    expect(changesOf(person(['read', 'exports'], { scope: [] }), 'POST /export')).toContainEqual([
      { kind: 'add_scope', scope: 'read' },
      { kind: 'add_scope', scope: 'exports' },
    ])
  })

  test('are a tag of the principal or of the resource', () => {
    const resource = { owner: 'org_a', tags: { Team: ['infra'] } }
    const caller = machine(['rol_own'], { tags: { team: ['core'] } })
    const expected = [
      [{ kind: 'tag_principal', key: 'Team', value: 'infra' }],
      [{ kind: 'tag_resource', resource: '/clusters/{c1}', key: 'Team', value: 'core' }],
    ]
    expect(changesOf(caller, put, { resource })).toEqual(expected)
    const where = '$resourceTags:team = $principalTags:team'
    expect(changesOf(caller, put, { resource, own: { where } })).toEqual(
      expect.arrayContaining([
        [{ kind: 'tag_principal', key: 'team', value: 'infra' }],
        [{ kind: 'tag_resource', resource: '/clusters/{c1}', key: 'team', value: 'core' }],
      ]),
    )
  })

  test('are what a condition asks for, part by part', () => {
    const where = "$resourceTags:env = 'dev' AND ($request:env IN ('a', 'b') OR $request:body:size <= 5)"
    const body = { size: 7 }
    expect(changesOf(own, put, { own: { where }, body })).toEqual([
      [
        { kind: 'tag_resource', resource: '/clusters/{c1}', key: 'env', value: 'dev' },
        { kind: 'send', in: 'query', field: ['env'], value: 'a' },
      ],
      [
        { kind: 'tag_resource', resource: '/clusters/{c1}', key: 'env', value: 'dev' },
        { kind: 'send', in: 'query', field: ['env'], value: 'b' },
      ],
      [
        { kind: 'tag_resource', resource: '/clusters/{c1}', key: 'env', value: 'dev' },
        { kind: 'send', in: 'body', field: ['size'], value: 5 },
      ],
      [{ kind: 'give_role', role: 'clusters:write' }],
      [{ kind: 'give_role', role: 'staff' }],
    ])
  })

  test('are fields that are sent no more', () => {
    const body = { size: 3, deep: [{ note: 'x' }] }
    expect(changesOf(own, `${put}?env=x`, { own: { fields: ['size'] }, body })[0]).toEqual([
      { kind: 'send_no_more', field: ['env'] },
      { kind: 'send_no_more', field: ['deep', 'note'] },
    ])
  })

  test('are not to leave out most of a request; they are looked for in bounded time, however long the body', () => {
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`f${i}`, 1]))
    const fewer = Object.fromEntries(Object.entries(many).slice(1))
    const list = Array.from({ length: 20_000 }, (_, i) => ({ size: i, note: { size: i } }))
    const fields = ['list']
    const changes = changesOf(own, put, { own: { fields }, body: fewer })
    expect(changes[0]?.map(({ kind }) => kind)).toEqual(Array(10).fill('send_no_more'))
    const startedMs = performance.now()
    for (const body of [many, { ...many, list }, { ...fewer, list }])
      for (const change of changesOf(own, put, { own: { fields }, body }))
        expect(change.filter(({ kind }) => kind === 'send_no_more').length).toBeLessThan(11)
    expect(performance.now() - startedMs).toBeLessThan(10_000)
  })

  test('are to register a resource, or to share it for this operation alone', () => {
    expect(changesOf(own, 'PUT /clusters/c2')).toEqual([
      [{ kind: 'register_resource', resource: '/clusters/{c2}', owner: 'org_a' }],
    ])
    const resource = { owner: 'org_b', tags: {} }
    expect(changesOf(own, put, { resource })).toEqual([
      [
        {
          kind: 'share_resource',
          resource: '/clusters/{c1}',
          key: 'access-tag:PUT:/',
          organization: 'org_a',
        },
      ],
    ])
    expect(changesOf(machine(['read']), 'GET /clusters/c1/parts/p1', { resource })[0]).toMatchObject([
      { kind: 'share_resource', key: 'access-tag:GET:/parts/{part}' },
    ])
  })
})
