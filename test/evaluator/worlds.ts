import fc from 'fast-check'
import type { Caller, Operation, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'

// Any model, roles, entitlement, callers and requests: small names, so that they meet.

const methods = ['GET', 'POST', 'DELETE'] as const
const literals = ['a', 'b', 'org_a', 'org_b']
export const names = ['r0', 'r1', 'r2', 'r3', 'r4']
export const some = <T>(values: readonly T[], maxLength = values.length) =>
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

export const world = model.chain((one) =>
  fc.record({
    model: fc.constant(one),
    roles: organizationRoles(one.operations.map(({ id }) => id)),
    entitlement: some(names),
    callers: fc.array(caller, { minLength: 1, maxLength: 5 }),
    requests: fc.array(fc.tuple(fc.constantFrom(...methods), path), { minLength: 5, maxLength: 20 }),
  }),
)
