import { describe, expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { allows, type Decision, decide } from '../../src/evaluator/decide.ts'
import type { DecisionFacts } from '../../src/evaluator/grant.ts'
import type { Caller, Operation, ResourceFact, ServiceModel, Statement } from '../../src/evaluator/model.ts'
import { factsOf, machine, model, operation, person, role } from './clinic-model.ts'

const parts = operation('putPart', 'PUT /clusters/{cluster}/parts/{part}', { resourceParameter: 'part' })
const cluster = operation('putCluster', 'PUT /clusters/{id}', { resourceParameter: 'id' })
const list = operation('listClusters', 'GET /clusters', { request: { query: { env: {} } } })
const operations = [parts, cluster, list]
const all = operations.map(({ id }) => id)

interface World {
  readonly model?: Partial<ServiceModel>
  /** The API knows its resources. */
  readonly api?: true
  readonly operations?: readonly Operation[]
  readonly resources?: DecisionFacts['resource'] | Readonly<Record<string, ResourceFact>>
  readonly entitlement?: readonly string[]
  readonly own?: readonly Statement[]
}

const plain = role('plain', all)
const ofDev = role('dev', [], { allow: [{ operations: all, where: "$resourceTags:env = 'dev'" }] })

function deciding(world: World): (caller: Caller, request: string) => Decision {
  const { entitlement = ['plain', 'dev'], own = [{ operations: all }], resources = {} } = world
  const compiled = compileModel(
    model(world.operations ?? operations, {
      ...(world.api ? {} : { resources: 'latchkey' as const }),
      roles: [plain, ofDev],
      ...world.model,
    }),
  )
  const roles = [{ id: 'rol_own', organizationId: 'org_a', allow: own }]
  const facts = factsOf({ org_a: entitlement }, roles, typeof resources === 'function' ? {} : resources)
  const known = typeof resources === 'function' ? { ...facts, resource: resources } : facts
  return (caller, request) => {
    const [method = '', path = ''] = request.split(' ')
    return decide(compiled, known, caller, { method, path })
  }
}

const own = machine(['rol_own'])
const put = 'PUT /clusters/c1'
const owned = (tags: ResourceFact['tags'] = {}): ResourceFact => ({ owner: 'org_a', tags })
const anothers = (tags: ResourceFact['tags'] = {}): ResourceFact => ({ owner: 'org_b', tags })

describe('without the body', () => {
  const cluster = operation('putCluster', 'PUT /clusters/{id}', {
    resourceParameter: 'id',
    request: { body: { members: { size: 'integer' } } },
  })
  const asked = (own: readonly Pick<Statement, 'where' | 'fields'>[], more: World = {}) =>
    deciding({
      ...{ operations: [cluster], resources: { '/clusters/{c1}': owned() } },
      ...{ own: own.map((one) => ({ operations: ['putCluster'], ...one })) },
      ...{ model: { roles: [role('plain', ['putCluster'])] } },
      ...more,
    })(machine(['rol_own']), put).reason
  const small = '$request:size < 5'
  const untagged = "$resourceTags:env = 'dev'"

  test.each([
    ['a condition that asks for it', [{ where: small }], 'body_required'],
    ['fields', [{ fields: ['size'] }], 'body_required'],
    ['a missing tag that rules it out', [{ where: `${untagged} AND ${small}` }], 'condition_unknown'],
    ['a missing tag beside it', [{ where: `${untagged} OR ${small}` }], 'body_required'],
    ['a missing tag that rules the fields out', [{ fields: ['size'], where: untagged }], 'condition_unknown'],
    ['a false condition on fields', [{ fields: ['size'], where: "'a' = 'b'" }], 'condition_false'],
    [
      'fields beside a condition that does not hold',
      [{ fields: ['size'] }, { where: "'a' = 'b'" }],
      'body_required',
    ],
    ['fields beside what allows anyway', [{ fields: ['size'] }, {}], 'allowed'],
  ])('%s: %j: %s', (_, statements, expected) => {
    expect(asked(statements)).toBe(expected)
  })

  test('nobody is told that it is wanted for a resource that they do not reach', () => {
    const strange = { resources: { '/clusters/{c1}': anothers() } }
    expect(asked([{ fields: ['size'] }], strange)).toBe('unknown_resource')
    expect(asked([{ where: small }], strange)).toBe('unknown_resource')
  })

  test('what bounds the roles may rule it out', () => {
    const bounded = (where: string) => ({
      model: { roles: [role('plain', [], { allow: [{ operations: ['putCluster'], where }] })] },
    })
    expect(asked([{ where: small }], bounded(untagged))).toBe('condition_unknown')
    expect(asked([{ where: small }], bounded(small))).toBe('body_required')
    expect(asked([{}], bounded(small))).toBe('body_required')
  })

  test('where templates overlap, another operation may rule it out', () => {
    const any = operation('putAny', 'PUT /{kind}/{id}', { resourceParameter: 'id' })
    const both = {
      operations: [cluster, any],
      resources: { '/clusters/{c1}': owned(), '/{clusters}/{c1}': owned() },
    }
    expect(
      asked([{ where: small }], { ...both, model: { roles: [role('plain', ['putCluster', 'putAny'])] } }),
    ).toBe('operation_not_in_role')
  })
})

describe('a resource', () => {
  test.each([
    ['that nobody registered is unknown', undefined, 'unknown_resource'],
    ['of the organization is allowed', owned(), 'allowed'],
    ['of another is as unknown as one that is not there', anothers(), 'unknown_resource'],
    ['of another is allowed where it is shared', anothers({ 'access-tag:PUT:/': ['org_a'] }), 'allowed'],
    ['is not shared with anybody by *', anothers({ 'Access-Tag:*:*': ['*'] }), 'unknown_resource'],
    ['shared for another method is unknown', anothers({ 'access-tag:GET:*': ['org_a'] }), 'unknown_resource'],
    [
      'shared for what is below it is unknown',
      anothers({ 'access-tag:*:/parts/{p}': ['org_a'] }),
      'unknown_resource',
    ],
    ['shared with a third is unknown', anothers({ 'access-tag:*:*': ['org_c'] }), 'unknown_resource'],
    [
      'shared by another is not asked for its tags',
      anothers({ 'access-tag:*:*': ['org_a'], env: ['x'] }),
      'allowed',
    ],
  ] as const)('%s', (_, resource, expected) => {
    const resources = resource === undefined ? {} : { '/clusters/{c1}': resource }
    expect(deciding({ resources })(own, put).reason).toBe(expected)
  })

  test('is shared with anybody where the service’s owner lets it', () => {
    const resources = { '/clusters/{c1}': anothers({ 'Access-Tag:*:*': ['*'] }) }
    expect(deciding({ model: { sharedWithAnyone: true }, resources })(own, put).reason).toBe('allowed')
  })

  test('takes owner and tags of the nearest registered one above it, whatever its parameter is called', () => {
    const resources = {
      '/clusters/{c1}': owned(),
      '/clusters/{c2}': owned(),
      '/clusters/{c2}/parts/{p1}': anothers(),
      '/clusters/{c3}': anothers({ 'access-tag:PUT:/parts/{x}': ['org_a'] }),
    }
    const decideAs = deciding({ resources })
    expect(decideAs(own, 'PUT /clusters/c1/parts/p1').reason).toBe('allowed')
    expect(decideAs(own, 'PUT /clusters/c2/parts/p1').reason).toBe('unknown_resource')
    expect(decideAs(own, 'PUT /clusters/c3/parts/p1').reason).toBe('allowed')
    expect(decideAs(own, 'PUT /clusters/c4/parts/p1').reason).toBe('unknown_resource')
  })

  test('is named by its ids encoded, so that none is taken for a part of the path', () => {
    const asked: string[] = []
    const decideAs = deciding({
      resources: ({ name }) => {
        asked.push(name)
        return null
      },
    })
    decideAs(own, 'PUT /clusters/%7Ba%7D%20b/parts/1')
    expect(asked).toEqual(['/clusters/{%7Ba%7D%20b}/parts/{1}', '/clusters/{%7Ba%7D%20b}'])
  })

  test('is within the caller’s organization where its ids are', () => {
    const resources = { '{org_a}/clusters/{c1}': owned() }
    const within = deciding({ operations: [{ ...cluster, namespace: 'organization' }], resources })
    expect(within(own, put).reason).toBe('allowed')
  })

  test('of which nothing is at hand yet: the decision says what to load, all at once', () => {
    const decideAs = deciding({ resources: () => undefined })
    expect(decideAs(own, 'PUT /clusters/c1/parts/p1')).toMatchObject({
      reason: 'stale_bundle',
      missing: { roles: [], organizations: [], resources: ['/clusters/{c1}/parts/{p1}', '/clusters/{c1}'] },
    })
    expect(decideAs(machine([]), put).reason).toBe('no_role')
    expect(decideAs(own, 'GET /clusters').reason).toBe('allowed')
  })

  test('is not looked at where the API knows whose it is, and a condition on its tags is then unknown', () => {
    const where = '$resourceTags:env IS NULL'
    const resources = () => expect.fail('the resource was asked for')
    expect(deciding({ api: true, resources })(own, put).reason).toBe('allowed')
    const conditional = deciding({
      api: true,
      resources,
      own: [{ operations: all, where }],
    })
    expect(conditional(own, put).reason).toBe('condition_unknown')
  })

  test('has no say in an operation without one; a condition on its tags is unknown there', () => {
    expect(deciding({})(own, 'GET /clusters').reason).toBe('allowed')
    const where = '$resourceTags:env IS NULL'
    expect(deciding({ own: [{ operations: all, where }] })(own, 'GET /clusters').reason).toBe(
      'condition_unknown',
    )
  })
})

describe('tags of a resource, where no condition speaks', () => {
  const decideAs = deciding({
    resources: {
      '/clusters/{c1}': owned({
        Env: ['DEV', 'test'],
        'latchkey:origin': ['x'],
        'access-tag:GET:*': ['org_b'],
      }),
    },
  })
  test.each([
    [{ env: ['dev'] }, 'allowed'],
    [{ ENV: ['prod', 'Test'], team: ['core'] }, 'allowed'],
    [{ env: ['prod'] }, 'tag_mismatch'],
    [{ team: ['core'] }, 'tag_mismatch'],
    [undefined, 'tag_mismatch'],
  ])('are matched by %j: %s', (tags, expected) => {
    expect(decideAs(machine(['rol_own'], tags === undefined ? {} : { tags }), put).reason).toBe(expected)
  })
})

describe('an entitlement and a scope', () => {
  const resources = { '/clusters/{c1}': owned({ env: ['prod'] }), '/clusters/{c2}': owned({ env: ['dev'] }) }
  const tagged = { tags: { env: ['dev', 'prod'] } }

  test('with a condition bound what an organization gives itself', () => {
    const decideAs = deciding({ resources, entitlement: ['dev'] })
    expect(decideAs(machine(['rol_own'], tagged), put).reason).toBe('condition_false')
    expect(decideAs(machine(['rol_own'], tagged), 'PUT /clusters/c2')).toMatchObject({
      reason: 'allowed',
      role: 'rol_own',
    })
    expect(decideAs(machine(['rol_own'], tagged), 'GET /clusters').reason).toBe('condition_unknown')
  })

  test('without a condition ask for no tags: those are the role’s matter', () => {
    const where = "$resourceTags:env = 'prod'"
    const decideAs = deciding({ resources, own: [{ operations: all, where }] })
    expect(decideAs(own, put).reason).toBe('allowed')
    expect(decideAs(person(['rol_own'], { scope: ['plain'] }), put).reason).toBe('allowed')
  })

  test('both a scope and a role must allow, each with its own condition', () => {
    const decideAs = deciding({ resources })
    const throughApp = (scope: string[]) => person(['rol_own'], { ...tagged, scope })
    expect(decideAs(throughApp(['dev']), put).reason).toBe('condition_false')
    expect(decideAs(throughApp(['dev']), 'PUT /clusters/c2').reason).toBe('allowed')
    expect(decideAs(throughApp(['dev', 'plain']), put).reason).toBe('allowed')
    expect(decideAs(throughApp([]), put).reason).toBe('insufficient_scope')
  })
})

describe('of several statements', () => {
  const resources = { '/clusters/{c1}': owned({ env: ['prod'] }) }
  const notDev = { operations: ['putCluster'], where: "$resourceTags:env = 'dev'" }
  const forUsers = { operations: ['putCluster'], where: "$principal:kind = 'user'" }
  const unsaid = { operations: ['putCluster'], where: "$resourceTags:absent = 'x'" }
  const fields = { operations: ['putCluster'], fields: ['a'] }

  test.each([
    [
      'the first that allows decides',
      [notDev, forUsers, { operations: ['putCluster'], where: '$principal:id IS NOT NULL' }],
      'allowed',
    ],
    ['the deepest reason is told', [notDev, fields], 'condition_false'],
    [
      'and what more knowledge could turn before what it could not',
      [notDev, unsaid, { operations: ['putCluster'] }],
      'condition_unknown',
    ],
    [
      'a condition that cannot be read never allows',
      [{ operations: ['putCluster'], where: 'gone wrong' }],
      'condition_unknown',
    ],
    [
      'a field that cannot be read neither',
      [{ operations: ['putCluster'], fields: ['a..b'] }],
      'condition_unknown',
    ],
  ] as const)('%s', (_, statements, expected) => {
    expect(deciding({ resources, own: statements })(own, put).reason).toBe(expected)
  })

  test('the role that allowed is told, not one that only names the operation', () => {
    const decideAs = deciding({
      resources,
      own: [{ operations: ['putCluster'], where: "$resourceTags:env = 'prod'" }],
    })
    expect(decideAs(machine(['dev', 'rol_own']), put)).toMatchObject({ reason: 'allowed', role: 'rol_own' })
  })

  test('an ambiguous query is told where a condition asks for it, and only there', () => {
    const where = "$request:env = 'dev'"
    const decideAs = deciding({ own: [{ operations: all, where }] })
    expect(decideAs(own, 'GET /clusters?env=dev').reason).toBe('allowed')
    expect(decideAs(own, 'GET /clusters?env=dev&env=prod').reason).toBe('ambiguous_request')
    expect(deciding({})(own, 'GET /clusters?env=dev&env=prod').reason).toBe('allowed')
  })
})

test('what is held under a condition alone is not held, where no request can be asked', () => {
  const compiled = compileModel(model(operations, { roles: [plain, ofDev] }))
  const facts = factsOf({ org_a: ['plain', 'dev'] })
  expect(allows(compiled, facts, machine(['dev']), 'putCluster')).toBe(false)
  expect(allows(compiled, facts, machine(['dev', 'plain']), 'putCluster')).toBe(true)
})
