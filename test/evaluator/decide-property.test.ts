import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { decide } from '../../src/evaluator/decide.ts'
import { operationsOf } from '../../src/evaluator/grant.ts'
import type { Caller, Operation, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'
import { factsOf } from './clinic-model.ts'
import { naiveDecide } from './naive-decide.ts'

const methods = ['GET', 'POST', 'DELETE'] as const
const literals = ['a', 'b', 'org_a', 'org_b']
const names = ['r0', 'r1', 'r2', 'r3', 'r4']
const some = <T>(values: readonly T[], maxLength = values.length) =>
  fc.uniqueArray(fc.constantFrom(...values), { maxLength })

const place = fc.record({
  method: fc.constantFrom(...methods),
  segments: fc.array(fc.constantFrom(...literals, '{}'), { minLength: 1, maxLength: 3 }),
  public: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  ofOrganization: fc.boolean(),
  alternatives: fc.array(some(names, 2), { maxLength: 2 }),
})

function operationAt({
  method,
  segments,
  ofOrganization,
  alternatives,
  ...rest
}: PlaceOf<typeof place>): Operation {
  const path = `/${segments.map((segment, index) => (segment === '{}' ? `{p${index}}` : segment)).join('/')}`
  const first = segments.indexOf('{}')
  return {
    id: `${method} ${path}`,
    method,
    path,
    parameters: {},
    alternatives,
    ...(rest.public ? { public: true as const } : {}),
    ...(ofOrganization && first >= 0 ? { organizationParameter: `p${first}` } : {}),
  }
}
type PlaceOf<A> = A extends fc.Arbitrary<infer T> ? T : never

const operations = fc
  .uniqueArray(place, { minLength: 1, maxLength: 12, selector: (one) => operationAt(one).id })
  .map((places) => places.map(operationAt))

const model: fc.Arbitrary<ServiceModel> = operations.chain((list) => {
  const ids = list.map(({ id }) => id)
  const role = (name: string) =>
    fc.record({
      name: fc.constant(name),
      grantable: fc.boolean(),
      inDefaultEntitlement: fc.constant(true),
      delegable: fc.boolean(),
      anyOrganization: fc.constant(true as const),
      include: some(names, 1),
      allow: some(ids, 3).map((chosen) => [{ operations: chosen }]),
    })
  return fc.record({
    basePaths: fc.constant(['']),
    operations: fc.constant(list),
    roles: fc.tuple(...names.map(role)),
  })
})

const caller: fc.Arbitrary<Caller> = fc
  .record({
    kind: fc.constantFrom('key' as const, 'user' as const),
    id: fc.constant('x'),
    organizationId: fc.constantFrom('org_a', 'org_b'),
    roles: some([...names, 'gone', 'rol_0', 'rol_1', 'rol_2'], 4),
    scope: fc.option(some([...names, 'openid']), { nil: undefined }),
  })
  .map(({ scope, ...rest }) => (scope === undefined ? rest : { ...rest, scope }))

const path = fc
  .array(fc.constantFrom(...literals, 'c'), { minLength: 1, maxLength: 3 })
  .map((segments) => `/${segments.join('/')}`)

const organizationRoles = (ids: readonly string[]): fc.Arbitrary<OrganizationRole[]> =>
  fc
    .tuple(...[0, 1].map(() => fc.tuple(fc.constantFrom('org_a', 'org_b'), some(['gone', ...ids], 4))))
    .map((list) =>
      list.map(([organizationId, chosen], n) => ({
        id: `rol_${n}`,
        organizationId,
        allow: [{ operations: chosen }],
      })),
    )

const world = model.chain((one) =>
  fc.record({
    model: fc.constant(one),
    roles: organizationRoles(one.operations.map(({ id }) => id)),
    entitlement: some(names),
    callers: fc.array(caller, { minLength: 1, maxLength: 5 }),
    requests: fc.array(fc.tuple(fc.constantFrom(...methods), path), { minLength: 5, maxLength: 20 }),
  }),
)

test('the decision is that of the rules said plainly, for any model, roles, caller and path', () => {
  const reasons = new Set<string>()
  fc.assert(
    fc.property(world, ({ model, roles, entitlement, callers, requests }) => {
      const compiled = compileModel(model)
      const facts = factsOf({ org_a: entitlement, org_b: entitlement }, roles)
      for (const caller of callers)
        for (const [method, path] of requests) {
          const { reason } = decide(compiled, facts, caller, { method, path })
          reasons.add(reason)
          expect(naiveDecide(model, { entitlement, roles }, caller, method, path)).toContain(reason)
        }
    }),
    { numRuns: 600 },
  )
  // The worlds reach every reason that there is without tokens and near misses.
  expect([...reasons].sort()).toEqual([
    'allowed',
    'insufficient_scope',
    'method_not_allowed',
    'no_role',
    'operation_not_in_role',
    'public',
    'unknown_operation',
    'unknown_resource',
  ])
})

test('a role never gives more than the entitlement does as a whole', () => {
  fc.assert(
    fc.property(world, ({ model, roles, entitlement }) => {
      const compiled = compileModel(model)
      const ids = model.operations.map(({ id }) => id)
      const whole = operationsOf(compiled, [{ operations: ids }], entitlement)
      for (const role of [...names, ...roles.map(({ allow }) => allow)])
        expect([...operationsOf(compiled, role, entitlement)].filter((id) => !whole.has(id))).toEqual([])
    }),
    { numRuns: 200 },
  )
})
