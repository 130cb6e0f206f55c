import { describe, expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { allows, type Decision, decide } from '../../src/evaluator/decide.ts'
import type { Caller, FilterStatement, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'
import { filterJson } from '../../src/evaluator/response/response-filter.ts'
import { factsOf, machine, model, operation, person, role } from './clinic-model.ts'

const get = operation('getCluster', 'GET /clusters/{id}', { request: { query: { env: {} } } })
const list = operation('listClusters', 'GET /clusters')
const names: FilterStatement = { operations: ['getCluster'], fields: ['metadata.name'] }
const sizes: FilterStatement = { operations: ['getCluster'], fields: ['size'] }
const masked: FilterStatement = { ...sizes, mask: '***' }

const roles = [
  role('whole', ['getCluster', 'listClusters']),
  role('names', ['getCluster', 'listClusters'], { filter: [names] }),
  role('sizes', ['getCluster'], { filter: [sizes] }),
  role('masked', ['getCluster'], { filter: [masked] }),
  role('several', ['getCluster'], { filter: [names, sizes] }),
  role('holder', [], { include: ['names'] }),
  role('ofDev', [], {
    allow: [{ operations: ['getCluster'], where: "$request:env = 'dev'" }],
    filter: [sizes],
  }),
  role('broken', ['getCluster'], { filter: [{ operations: ['getCluster'], fields: ['a..b'] }] }),
  role('elsewhere', ['getCluster'], { filter: [{ operations: ['listClusters'], fields: ['size'] }] }),
]
const all = roles.map(({ name }) => name)

interface World {
  readonly model?: Partial<ServiceModel>
  readonly entitlement?: readonly string[]
  readonly own?: Partial<OrganizationRole>
}

function deciding({ model: more, entitlement = all, own }: World = {}) {
  const compiled = compileModel(model([get, list], { roles, ...more }))
  const allow = [{ operations: ['getCluster'] }]
  const facts = factsOf({ org_a: entitlement }, [{ id: 'rol_own', organizationId: 'org_a', allow, ...own }])
  return {
    decideAs: (caller: Caller, path = '/clusters/c1'): Decision =>
      decide(compiled, facts, caller, { method: 'GET', path }),
    holds: (caller: Caller) => allows(compiled, facts, caller, 'getCluster'),
  }
}

const cluster = { metadata: { name: 'one', owner: 'Ada' }, size: 3 }

function shown(decision: Decision): unknown {
  if (!decision.allowed) return decision.reason
  return decision.filter === undefined ? 'whole' : filterJson(decision.filter, cluster)
}

const asMachine = (...held: string[]) => shown(deciding().decideAs(machine(held)))

describe('what a role shows of a response', () => {
  test('is what its filter for the operation names', () => {
    expect(asMachine('whole')).toBe('whole')
    expect(asMachine('names')).toEqual({ metadata: { name: 'one' } })
    expect(asMachine('several')).toEqual({ metadata: { name: 'one' }, size: 3 })
    expect(asMachine('masked')).toEqual({ metadata: { name: '***', owner: '***' }, size: 3 })
  })

  test('is all, where it has a filter for other operations alone', () => {
    expect(asMachine('elsewhere')).toBe('whole')
    expect(shown(deciding().decideAs(machine(['names']), '/clusters'))).toBe('whole')
  })

  test('is the same through a role that includes it', () => {
    expect(asMachine('holder')).toEqual({ metadata: { name: 'one' } })
  })

  test('is nothing, where its filter cannot be read', () => {
    expect(asMachine('broken')).toEqual({})
  })
})

describe('several roles', () => {
  test('show together what each of them shows', () => {
    expect(asMachine('names', 'sizes')).toEqual({ metadata: { name: 'one' }, size: 3 })
  })

  test('show all, if one that allows has no filter for the operation', () => {
    expect(asMachine('names', 'whole')).toBe('whole')
    expect(asMachine('names', 'rol_own')).toBe('whole')
  })

  test('count only if they allow this very request', () => {
    const { decideAs } = deciding()
    const caller = machine(['names', 'ofDev'])
    expect(shown(decideAs(caller, '/clusters/c1?env=dev'))).toEqual({ metadata: { name: 'one' }, size: 3 })
    expect(shown(decideAs(caller, '/clusters/c1?env=prod'))).toEqual({ metadata: { name: 'one' } })
    const own = { allow: [{ operations: ['getCluster'], where: "$request:env = 'dev'" }] }
    const mixed = deciding({ own })
    expect(shown(mixed.decideAs(machine(['names', 'rol_own']), '/clusters/c1?env=prod'))).toEqual({
      metadata: { name: 'one' },
    })
    expect(shown(mixed.decideAs(machine(['names', 'rol_own']), '/clusters/c1?env=dev'))).toBe('whole')
  })

  test('that open an operation only together show what all of them show', () => {
    const alternatives = [['read', 'export']]
    const filter = (...fields: string[]) => ({ filter: [{ operations: ['getCluster'], fields }] })
    const decideAs = (...together: ServiceModel['roles']) =>
      deciding({
        model: model([{ ...get, alternatives }], { roles: together }),
        entitlement: ['read', 'export'],
      }).decideAs(machine(['read', 'export']))
    const read = role('read', [], filter('metadata', 'nothing.*'))
    expect(shown(decideAs(read, role('export', [])))).toEqual({ metadata: cluster.metadata })
    expect(shown(decideAs(read, role('export', [], filter('*.name', 'size'))))).toEqual({
      metadata: { name: 'one' },
    })
    expect(shown(decideAs(role('read', []), role('export', [])))).toBe('whole')
  })
})

describe('what bounds a role', () => {
  test('does so with its filter: a scope', () => {
    const { decideAs } = deciding()
    const through = (scope: readonly string[]) => shown(decideAs(person(['whole', 'masked'], { scope })))
    expect(through(['names'])).toEqual({ metadata: { name: 'one' } })
    expect(through(['names', 'whole'])).toBe('whole')
    expect(shown(decideAs(person(['sizes'], { scope: ['names'] })))).toEqual({})
    expect(shown(decideAs(person(['masked'], { scope: ['whole'] })))).toMatchObject({ size: 3 })
    expect(shown(decideAs(machine(['whole'], { scope: ['names'] })))).toEqual({ metadata: { name: 'one' } })
  })

  test('does so with its filter: the entitlement', () => {
    expect(shown(deciding({ entitlement: ['names'] }).decideAs(machine(['rol_own'])))).toEqual({
      metadata: { name: 'one' },
    })
    expect(shown(deciding({ entitlement: ['names', 'whole'] }).decideAs(machine(['rol_own'])))).toBe('whole')
    const own = { filter: [sizes] }
    expect(shown(deciding({ entitlement: ['names'], own }).decideAs(machine(['rol_own'])))).toEqual({})
  })
})

test('an operation that is open with a filter alone is not held without a request', () => {
  expect(deciding().holds(machine(['whole']))).toBe(true)
  expect(deciding().holds(machine(['names']))).toBe(false)
  expect(deciding().holds(person(['whole'], { scope: ['names'] }))).toBe(false)
})

test('the role that is told is the one that shows the whole response, if there is one', () => {
  expect(deciding().decideAs(machine(['names', 'rol_own']))).toMatchObject({ role: 'rol_own' })
  expect(deciding().decideAs(machine(['names', 'sizes']))).toMatchObject({ role: 'names' })
})

test('where templates overlap, what one operation does not show is not shown', () => {
  const other = operation('getAny', 'GET /{kind}/{id}')
  const filter = [
    { ...names, fields: ['metadata'] },
    { operations: ['getAny'], fields: ['*.name', 'size'] },
  ]
  const narrow = role('narrow', ['getCluster', 'getAny'], { filter })
  const world = { model: { operations: [get, other], roles: [narrow] }, entitlement: ['narrow'] }
  expect(shown(deciding(world).decideAs(machine(['narrow'])))).toEqual({ metadata: { name: 'one' } })
})
