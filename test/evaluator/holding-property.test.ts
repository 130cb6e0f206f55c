import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { decide } from '../../src/evaluator/decide.ts'
import { Holding } from '../../src/evaluator/holding.ts'
import type { Limits } from '../../src/evaluator/limits.ts'
import type { Caller, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'
import { factsOf, role } from './clinic-model.ts'
import { type LimitedRequest, type LimitedWorld, limitedWorld } from './limited-worlds.ts'

const worlds = Number(process.env['LATCHKEY_TEST_WORLDS'] ?? 150)

const requestOf = ({ method, path, query, body }: LimitedRequest) => ({
  method,
  path: query.length === 0 ? path : `${path}?${query.map(([name, value]) => `${name}=${value}`).join('&')}`,
  body:
    body === undefined
      ? ({ kind: 'none' } as const)
      : ({ kind: 'text', mediaType: 'application/json', text: JSON.stringify(body) } as const),
})

/** All limits that a statement of the world has, and none. */
function limitsOf({ model, roles }: LimitedWorld): readonly Limits[] {
  const statements = [...model.roles, ...roles].flatMap(({ allow }) => allow)
  const texts = statements.map(({ operations: _operations, ...limits }) => JSON.stringify(limits))
  return [...new Set(['{}', ...texts])].map((text) => JSON.parse(text))
}

test('what a caller is said to hold, nobody who is given it does where the caller may not', () => {
  let held = 0
  let allowed = 0
  fc.assert(
    fc.property(limitedWorld, (one) => {
      const everything = role(
        'everything',
        one.model.operations.map(({ id }) => id),
      )
      const model: ServiceModel = { ...one.model, roles: [...one.model.roles, everything] }
      const compiled = compileModel(model)
      const entitlements = { org_a: one.entitlement, org_b: one.entitlement }
      const factsWith = (more: readonly OrganizationRole[]) =>
        factsOf(entitlements, [...one.roles, ...more], one.resources)
      const facts = factsWith([])
      for (const caller of one.callers) {
        const holding = new Holding(compiled, facts, caller)
        for (const { id } of one.model.operations)
          for (const limits of limitsOf(one)) {
            if (!holding.holds(id, limits)) continue
            held++
            const allow = [{ operations: [id], ...limits }]
            const gift = { id: 'rol_gift', organizationId: caller.organizationId, allow }
            const receiver: Caller = { ...caller, roles: [gift.id], scope: ['everything'] }
            const given = factsWith([gift])
            for (const request of one.requests.map(requestOf)) {
              if (!decide(compiled, given, receiver, request).allowed) continue
              allowed++
              const own = decide(compiled, facts, caller, request)
              if (!own.allowed)
                expect({ own, caller, request, gift }).toMatchObject({ own: { allowed: true } })
            }
          }
      }
    }),
    { numRuns: worlds },
  )
  expect(held).toBeGreaterThan(worlds)
  expect(allowed).toBeGreaterThan(worlds)
}, 600_000)
