import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { decide } from '../../src/evaluator/decide.ts'
import type { Statement } from '../../src/evaluator/model.ts'
import type { Condition } from '../../src/evaluator/where/condition.ts'
import { operandsOf, predicatesOf } from '../../src/evaluator/where/predicates-of.ts'
import { printCondition } from '../../src/evaluator/where/print-condition.ts'
import { factsOf, machine, model, operation, role } from './clinic-model.ts'
import { json } from './request/requests.ts'
import { fewConditions } from './where/conditions.ts'
import { sentValues } from './where/naive-outcomes.ts'

const put = operation('put', 'PUT /things/{id}', {
  parameters: { id: {} },
  resourceParameter: 'id',
  request: { query: { a: {} }, body: { members: { b: 'any' }, open: true } },
})

const values = [...sentValues, null]
const bodies = [...values.map((b) => ({ b })), {}, { a: 1 }, { c: 1 }]

function testsOfBody(condition: Condition): number {
  const operands = predicatesOf(condition, printCondition(condition)).flatMap(({ predicate }) =>
    operandsOf(predicate),
  )
  return operands.filter((operand) => operand.of === 'request' && operand.path[0] === 'b').length
}

const where = fewConditions.filter((condition) => testsOfBody(condition) < 2).map(printCondition)
const statement: fc.Arbitrary<Statement> = fc.oneof(
  { weight: 4, arbitrary: where.map((text) => ({ operations: ['put'], where: text })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(['a'], ['b'], ['c']).map((fields) => ({ operations: ['put'], fields })),
  },
)
const tags = fc.dictionary(
  fc.constantFrom('env', 'size', 'Team'),
  fc.uniqueArray(fc.constantFrom('dev', 'prod', '5', '7'), { minLength: 1, maxLength: 2 }),
  { maxKeys: 2 },
)

test('a body is required just where the request is allowed with some body, and not with any', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(
      fc.array(statement, { minLength: 1, maxLength: 2 }),
      fc.record({ owner: fc.constantFrom('org_a', 'org_a', 'org_a', 'org_b'), tags }),
      tags,
      fc.constantFrom('', '?a=dev', '?a=5', '?z=1'),
      (allow, resource, own, query) => {
        const compiled = compileModel(model([put], { resources: 'latchkey', roles: [role('all', ['put'])] }))
        const roles = [{ id: 'rol_own', organizationId: 'org_a', allow }]
        const facts = factsOf({ org_a: ['all'] }, roles, { '/things/{x}': resource })
        const caller = machine(['rol_own'], { tags: own })
        const path = `/things/x${query}`
        const ask = (body: Parameters<typeof decide>[3]['body']) =>
          decide(compiled, facts, caller, { method: 'PUT', path, ...(body && { body }) })
        const { reason } = ask({ kind: 'unread' })
        seen.set(reason, (seen.get(reason) ?? 0) + 1)
        const outcomes = bodies.map((body) => ask(json(body)).allowed)
        if (reason === 'body_required') expect(outcomes).toContain(true)
        else expect(new Set(outcomes)).toEqual(new Set([reason === 'allowed']))
      },
    ),
    { numRuns: 1500 },
  )
  expect([...seen.keys()].sort()).toEqual([
    ...['allowed', 'body_required', 'condition_false', 'condition_unknown', 'field_not_allowed'],
    ...['tag_mismatch', 'unknown_resource'],
  ])
})
