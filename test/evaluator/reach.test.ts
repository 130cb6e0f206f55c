import { describe, expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import type { Caller, Operation, ResourceFact, ServiceModel, Statement } from '../../src/evaluator/model.ts'
import { reachOf } from '../../src/evaluator/reach.ts'
import { RequestContent } from '../../src/evaluator/request/request-at-hand.ts'
import { factsOf, machine, model, operation, person, role } from './clinic-model.ts'

const get = operation('get', 'GET /clusters/{id}', {
  parameters: { id: {} },
  resourceParameter: 'id',
  request: { query: { env: {} } },
})
const put = operation('put', 'PUT /clusters/{id}', {
  resourceParameter: 'id',
  request: { body: { members: { size: 'integer' } } },
})
const getPart = operation('getPart', 'GET /clusters/{cluster}/parts/{part}', {
  parameters: { part: {} },
  resourceParameter: 'part',
})
const list = operation('list', 'GET /clusters')
const operations = [get, put, getPart, list]
const all = operations.map(({ id }) => id)

interface World {
  readonly operations?: readonly Operation[]
  readonly model?: Partial<ServiceModel>
  /** The API knows its resources. */
  readonly api?: true
  readonly own?: readonly Statement[]
  readonly entitlement?: readonly string[]
  readonly caller?: Caller
  readonly operationId?: string
  readonly shape?: string
  readonly content?: RequestContent
  readonly others?: Readonly<Record<string, ResourceFact>>
}

const own = machine(['rol_own'])
const owned = (tags: ResourceFact['tags'] = {}): ResourceFact => ({ owner: 'org_a', tags })
const anothers = (tags: ResourceFact['tags'] = {}): ResourceFact => ({ owner: 'org_b', tags })

function reaching(world: World) {
  const { caller = own, own: allow = [{ operations: all }], entitlement = ['plain'] } = world
  const { operationId, shape, content } = world
  const compiled = compileModel(
    model(world.operations ?? operations, {
      ...(world.api ? {} : { resources: 'latchkey' as const }),
      roles: [
        role(
          'plain',
          (world.operations ?? operations).map(({ id }) => id),
        ),
      ],
      ...world.model,
    }),
  )
  const roles = [{ id: 'rol_own', organizationId: 'org_a', allow }]
  const facts = factsOf({ org_a: entitlement }, roles, world.others)
  return reachOf({ model: compiled, caller, facts, operationId, shape, content })
}

/** What is reached of one resource, as `on operation: reach`. */
function reached(world: World, fact: ResourceFact, name = '/clusters/{c1}'): readonly string[] | undefined {
  const ask = reaching(world)
  if (ask === undefined) return undefined
  const answer = typeof ask === 'function' ? ask({ name, fact }) : []
  if (!Array.isArray(answer)) throw new Error('a fact was missing')
  return answer.map(({ operation, on, reach }) => `${on} ${operation.id}: ${reach}`)
}

const everything = ['resource get: allowed', 'resource put: allowed', 'held getPart: allowed']

describe('what a principal reaches of a resource', () => {
  test('is what it may do on it, and on what it holds', () => {
    expect(reached({}, owned())).toEqual(everything)
    expect(reached({ operationId: 'put' }, owned())).toEqual(['resource put: allowed'])
  })

  test('is nothing of another organization’s, but for what that shares', () => {
    expect(reached({}, anothers())).toEqual([])
    expect(reached({}, anothers({ 'access-tag:*:*': ['org_c'] }))).toEqual([])
    expect(reached({}, anothers({ 'access-tag:GET:/': ['org_a'] }))).toEqual(['resource get: allowed'])
    expect(reached({}, anothers({ 'access-tag:*:/parts/{p}': ['org_a'] }))).toEqual(['held getPart: allowed'])
    expect(reached({}, anothers({ 'access-tag:*:*': ['*'] }))).toEqual([])
    const open = { model: { sharedWithAnyone: true } } as const
    expect(reached(open, anothers({ 'access-tag:*:*': ['*'] }))).toEqual(everything)
  })

  test('needs its tags, where no condition says otherwise', () => {
    const caller = machine(['rol_own'], { tags: { env: ['dev'] } })
    expect(reached({ caller }, owned({ env: ['dev'] }))).toEqual(everything)
    expect(reached({ caller }, owned({ env: ['prod'] }))).toEqual([])
  })

  test('is asked without a request: what looks at one is told, and what no request could open is not', () => {
    const where = "$resourceTags:env = 'dev' AND $request:size < 10"
    const world = { own: [{ operations: ['put'], where }] }
    expect(reached(world, owned({ env: ['dev'] }))).toEqual(['resource put: depends_on_request'])
    expect(reached(world, owned({ env: ['prod'] }))).toEqual([])
    const either = { own: [...world.own, { operations: ['put'], where: "$resourceTags:env = 'dev'" }] }
    expect(reached(either, owned({ env: ['dev'] }))).toEqual(['resource put: allowed'])
    const query = { own: [{ operations: ['get'], where: "$request:env = 'x'" }] }
    expect(reached(query, owned())).toEqual(['resource get: depends_on_request'])
    const fields = { own: [{ operations: ['put'], fields: ['size'] }] }
    expect(reached(fields, owned())).toEqual(['resource put: depends_on_request'])
  })

  test('tells of fields that depend on the request beside a condition that does not hold', () => {
    const statements = [
      { operations: ['get'], where: "$resourceTags:env = 'dev'" },
      { operations: ['get'], fields: ['env'] },
    ]
    expect(reached({ own: statements }, owned({ env: ['prod'] }))).toEqual([])
    expect(reached({ own: statements }, owned())).toEqual(['resource get: depends_on_request'])
  })

  test('knows the ids in the path, and not those of what it holds', () => {
    const ofPath = (id: string) => ({ own: [{ operations: ['get'], where: `$request:id = '${id}'` }] })
    expect(reached(ofPath('c1'), owned())).toEqual(['resource get: allowed'])
    expect(reached(ofPath('c2'), owned())).toEqual([])
    const ofPart = { own: [{ operations: ['getPart'], where: "$request:part = 'p1'" }] }
    expect(reached(ofPart, owned())).toEqual(['held getPart: depends_on_request'])
    expect(reached(ofPart, owned(), '/clusters/{c1}/parts/{p1}')).toEqual(['resource getPart: allowed'])
    expect(reached(ofPart, owned(), '/clusters/{c1}/parts/{p2}')).toEqual([])
  })

  test('takes in what is known of the request', () => {
    const where = { own: [{ operations: ['get'], where: "$request:env = 'x'" }] }
    const asking = (target: string) => ({ ...where, content: new RequestContent(target) })
    expect(reached(asking('/?env=x'), owned())).toEqual(['resource get: allowed'])
    expect(reached(asking('/?env=y'), owned())).toEqual([])
  })

  test('is within the entitlement, and within the scopes of who acts through an app', () => {
    expect(reached({ entitlement: [] }, owned())).toBeUndefined()
    const scopes = { model: { roles: [role('plain', all), role('read', ['get'])] } }
    const app = (scope: readonly string[]) => ({ ...scopes, caller: person(['rol_own'], { scope }) })
    expect(reached(app(['read']), owned())).toEqual(['resource get: allowed'])
    expect(reached(app([]), owned())).toBeUndefined()
  })

  test('is nothing for good without an operation that it holds, or where the API knows its resources', () => {
    expect(reached({ caller: machine([]) }, owned())).toBeUndefined()
    expect(reached({ api: true }, owned())).toBeUndefined()
    expect(reached({ operationId: 'list' }, owned())).toBeUndefined()
    expect(reached({ shape: '/nodes/{}' }, owned())).toBeUndefined()
  })

  test('is nothing of what a path of the caller’s does not lead to', () => {
    const within = {
      operations: [{ ...get, namespace: 'organization' as const }],
      own: [{ operations: ['get'] }],
    }
    expect(reached(within, owned(), '{org_a}/clusters/{c1}')).toEqual(['resource get: allowed'])
    const shared = anothers({ 'access-tag:*:*': ['org_a'] })
    expect(reached(within, shared, '{org_b}/clusters/{c1}')).toEqual([])
  })

  test('needs all operations of one path, where templates overlap', () => {
    const any = operation('any', 'GET /{kind}/{id}', { resourceParameter: 'id' })
    const world = { operations: [get, any], own: [{ operations: ['get'] }] }
    expect(reached(world, owned())).toEqual([])
    const both = { ...world, own: [{ operations: ['get', 'any'] }] }
    expect(reached(both, owned())).toEqual([])
    const known = { ...both, others: { '/{clusters}/{c1}': owned() } }
    expect(reached(known, owned())).toEqual(['resource get: allowed'])
  })

  test('is told by ids as requests send them, encoded once', () => {
    const file = operation('file', 'GET /räume/{room}/files/{path}', {
      resourceParameter: 'path',
      parameters: { path: { multiSegment: true } },
    })
    const world = { operations: [file], own: [{ operations: ['file'], where: "$request:path = 'a b/c'" }] }
    expect(reached(world, owned(), '/r%C3%A4ume/{1%7B}/files/{a%20b%2Fc}')).toEqual([
      'resource file: allowed',
    ])
  })
})
