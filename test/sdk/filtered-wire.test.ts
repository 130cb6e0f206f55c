import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { type Decision, decide } from '../../src/evaluator/decide.ts'
import type { Caller, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'
import { filterJson } from '../../src/evaluator/response/response-filter.ts'
import { modelOfWire, roleOfWire, type WireModel, wireModel, wireRole } from '../../src/sdk/filtered-wire.ts'
import { factsOf } from '../evaluator/clinic-model.ts'
import { type LimitedWorld, limitedWorld } from '../evaluator/limited-worlds.ts'

const sent = <T>(value: T): T => JSON.parse(JSON.stringify(value))

function withoutFilters<T extends { readonly filter?: unknown; readonly filtered?: unknown }>(role: T): T {
  const { filter: _, filtered: _apart, ...rest } = role
  // Sound: both members may be absent.
  return rest as T
}

/** As a guard that knows nothing of filters takes it in: what it does not know, it passes over. */
function asRead({ operations, roles, ...rest }: WireModel): ServiceModel {
  return {
    ...rest,
    operations: operations.map(({ filteredAlternatives: _, ...operation }) => operation),
    roles: roles.map(withoutFilters),
  }
}

const response = { a: 1, b: { e: 1 }, c: { d: 1, e: 1 } }

function outcome(decision: Decision): unknown {
  if (!decision.allowed || decision.filter === undefined) return decision.reason
  return filterJson(decision.filter, response)
}

function deciding(
  { entitlement, resources, requests }: LimitedWorld,
  model: ServiceModel,
  roles: readonly OrganizationRole[],
): (caller: Caller) => readonly Decision[] {
  const compiled = compileModel(model)
  const facts = factsOf({ org_a: entitlement, org_b: entitlement }, roles, resources)
  return (caller) => requests.map(({ method, path }) => decide(compiled, facts, caller, { method, path }))
}

describe('what the wire says of roles with filters', () => {
  test('leads to the same decisions as the roles themselves', () => {
    fc.assert(
      fc.property(limitedWorld, (one) => {
        const direct = deciding(one, one.model, one.roles)
        const model = modelOfWire(sent(wireModel(one.model)))
        const roles = one.roles.map((role) => roleOfWire<OrganizationRole>(sent(wireRole(role))))
        const overWire = deciding(one, model, roles)
        for (const caller of one.callers)
          expect(overWire(caller).map(outcome)).toEqual(direct(caller).map(outcome))
      }),
      { numRuns: 40 },
    )
  })

  test('allows nothing through a filter at a guard that knows none', () => {
    let refused = 0
    fc.assert(
      fc.property(limitedWorld, (one) => {
        const direct = deciding(one, one.model, one.roles)
        const roles = one.roles.map((role) => withoutFilters(sent(wireRole(role))))
        const older = deciding(one, asRead(sent(wireModel(one.model))), roles)
        for (const caller of one.callers) {
          const decisions = direct(caller)
          for (const [index, { allowed }] of older(caller).entries()) {
            const decision = decisions[index]
            const isWhole = decision?.allowed === true && decision.filter === undefined
            if (decision?.allowed === true && !isWhole) refused++
            if (allowed && !isWhole) expect.fail('a guard that knows no filter let a whole response through')
          }
        }
      }),
      { numRuns: 80 },
    )
    expect(refused).toBeGreaterThan(0)
  })

  test('is the role itself where there is no filter', () => {
    const role = { allow: [{ operations: ['a'] }] }
    expect(wireRole(role)).toBe(role)
    expect(roleOfWire(role)).toBe(role)
  })

  test('splits a statement by the operations that have a filter', () => {
    const filter = [{ operations: ['b'], fields: ['x'] }]
    expect(wireRole({ allow: [{ operations: ['a', 'b'], where: 'TRUE' }], filter })).toEqual({
      allow: [{ operations: ['a'], where: 'TRUE' }],
      filtered: [{ operations: ['b'], where: 'TRUE' }],
      filter,
    })
  })
})
