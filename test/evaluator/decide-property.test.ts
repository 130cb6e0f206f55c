import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { decide } from '../../src/evaluator/decide.ts'
import { operationsOf } from '../../src/evaluator/grant.ts'
import { factsOf } from './clinic-model.ts'
import { naiveDecide } from './naive-decide.ts'
import { names, world } from './worlds.ts'

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
