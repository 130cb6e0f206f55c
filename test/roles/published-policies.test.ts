import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { Statement } from '../../src/evaluator/model.ts'
import { parseCondition } from '../../src/evaluator/where/parse-condition.ts'
import { printCondition } from '../../src/evaluator/where/print-condition.ts'
import { partsOf } from '../../src/roles/read-policy.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { readFilters } from '../../src/services/read-filter.ts'
import { readStatements, statementGround } from '../../src/services/read-statement.ts'
import { cases, operations, reasonFor } from '../evaluator/policy-examples.ts'

function printed({ where, ...rest }: Statement): Statement {
  if (where === undefined) return rest
  const parsed = parseCondition(where)
  if ('faults' in parsed) throw new Error(`no condition: ${where}`)
  return { ...rest, where: printCondition(parsed.condition) }
}

/** The statements that a policy in its published spelling comes to. */
function statementsOf(policy: string): readonly Statement[] {
  const { statements, faults } = readStatements(
    partsOf({ policy }).allow,
    statementGround(operations, 'latchkey'),
    '/allow',
  )
  expect(faults).toEqual([])
  return statements.map(({ statement }) => statement)
}

describe.each(cases)('as it is published: $name', (one) => {
  test('is kept as the statements that it means', () => {
    expect(statementsOf(one.spelling)).toEqual(one.allow.map(printed))
  })

  test('decides as they do', () => {
    const allow = statementsOf(one.spelling)
    for (const request of one.requests)
      expect([request, reasonFor(one, allow, request)]).toEqual([request, request[1]])
  })
})

test('the policy of the README is kept by the clinic of the examples', async () => {
  const [readme, document] = await Promise.all([
    readFile(new URL('../../README.md', import.meta.url), 'utf8'),
    readFile(new URL('../../examples/clinic/openapi.yaml', import.meta.url), 'utf8'),
  ])
  const policy = /<!-- test: policy -->\n\n?```yaml\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const { model } = await readDocument(document)
  const ground = statementGround(model.operations, 'latchkey')
  const { allow, filter } = partsOf({ policy })
  const { statements, faults } = readStatements(allow, ground, '/allow')
  expect(faults).toEqual([])
  expect(statements).toHaveLength(2)
  const allowed = new Set(statements.flatMap(({ statement }) => statement.operations))
  expect(readFilters(filter, { names: ground.names, allowed }, '/filter')).toMatchObject({
    filter: [{ mask: '***' }],
    faults: [],
  })
})

test('a policy with a quote that is not closed is refused with its place', () => {
  const { allow, tell } = partsOf({
    policy: "allow:\napis:\n- PUT:/cluster/{clusterId}\nwhere: $resourceTags:namespace IN ('NS1', 'NS2)",
  })
  const { faults } = readStatements(allow, statementGround(operations, 'latchkey'), '/allow')
  expect(faults.map(tell)).toMatchObject([
    { pointer: '/policy', detail: 'line 4: character 36: the text is not closed' },
  ])
})
