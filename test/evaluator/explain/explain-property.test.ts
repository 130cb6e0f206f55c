import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../../src/evaluator/compile-model.ts'
import { decide } from '../../../src/evaluator/decide.ts'
import { withEdits } from '../../../src/evaluator/explain/edit.ts'
import { explain } from '../../../src/evaluator/explain/explain.ts'
import { decideIn, readSituation } from '../../../src/evaluator/explain/situation.ts'
import { factsOf } from '../clinic-model.ts'
import { decisionRequest, limitedWorld } from '../limited-worlds.ts'

/** How many random worlds are looked at: more by hand, after a change of the rules. A world has some 90 situations. */
const worlds = Number(process.env['LATCHKEY_TEST_WORLDS'] ?? 20)

test('whatever the model and the roles, an explanation is that of the decision, and its changes have it allowed', () => {
  const edits = new Map<string, number>()
  const reasons = new Map<string, { denied: number; changed: number }>()
  fc.assert(
    fc.property(limitedWorld, ({ model, entitlement, roles, resources, callers, requests }) => {
      const compiled = compileModel(model)
      const facts = factsOf({ org_a: entitlement, org_b: entitlement }, roles, resources)
      const ownRoles = roles.map(({ id }) => id)
      for (const caller of callers)
        for (const request of requests) {
          const situation = readSituation({ facts, caller, request: decisionRequest(request) })
          const { decision, operations, changes } = explain(compiled, situation, { ownRoles })
          expect(decision).toEqual(decide(compiled, facts, caller, situation.request))
          const isOpen = ({ reason }: (typeof operations)[number]) =>
            reason === 'allowed' || reason === 'public'
          expect(operations.length > 0 && operations.every(isOpen)).toBe(decision.allowed)
          for (const { reason, sides, organization } of operations)
            if (reason !== 'public')
              expect(sides.every(({ allows }) => allows) && organization?.passes !== false).toBe(
                reason === 'allowed',
              )
          if (decision.allowed) expect(changes).toEqual([])
          else {
            const seen = reasons.get(decision.reason) ?? { denied: 0, changed: 0 }
            reasons.set(decision.reason, seen)
            seen.denied++
            if (changes.length > 0) seen.changed++
          }
          for (const change of changes) {
            if (!decideIn(compiled, withEdits(situation, change)).allowed) expect.fail(JSON.stringify(change))
            for (const one of change) {
              edits.set(one.kind, (edits.get(one.kind) ?? 0) + 1)
              const fewer = change.filter((other) => other !== one)
              if (decideIn(compiled, withEdits(situation, fewer)).allowed)
                expect.fail(`${JSON.stringify(one)} is needless in ${JSON.stringify(change)}`)
            }
          }
        }
    }),
    { numRuns: worlds },
  )
  if (process.env['LATCHKEY_TEST_WORLDS'] !== undefined)
    console.log(Object.fromEntries([...edits, ...reasons]))
  expect(edits.size).toBeGreaterThan(4)
}, 3_600_000)
