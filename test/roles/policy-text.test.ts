import { describe, expect, test } from 'vitest'
import { DomainError } from '../../src/errors.ts'
import { partsOf } from '../../src/roles/read-policy.ts'
import { readEachStatement, statementGround } from '../../src/services/read-statement.ts'

function partsIn(policy: string) {
  const { allow, filter } = partsOf({ policy })
  return { allow, filter }
}

function faultsIn(policy: string) {
  try {
    partsOf({ policy })
  } catch (error) {
    if (error instanceof DomainError) return error.faults
    throw error
  }
  throw new Error('was not refused')
}

const dev = "$resourceTags:cluster = 'dev'"

describe('a policy of one text', () => {
  test.each([
    [
      'allow repeated, where at the level of the list, typographic quotes',
      `type: openAPI
       allow:
         - PUT: /cluster/{cluster-id}
         - GET: /cluster/{cluster-id}
         where: $resourceTags:cluster = ‘dev’
       allow:
         - GET: /cluster/{cluster-id}
         where: $resourceTags:cluster IN (‘stage’, ‘prod’)`,
      [
        {
          operations: ['PUT: /cluster/{cluster-id}', 'GET: /cluster/{cluster-id}'],
          where: '$resourceTags:cluster = ‘dev’',
        },
        { operations: ['GET: /cluster/{cluster-id}'], where: '$resourceTags:cluster IN (‘stage’, ‘prod’)' },
      ],
    ],
    [
      'a heading for each list, dashes for bullets, nothing indented',
      `allow:\napi:\n– PUT:/cluster/{clusterId}\n— GET:/cluster/{clusterId}\nwhere: ${dev}\napis:\n- getCluster`,
      [
        { operations: ['PUT:/cluster/{clusterId}', 'GET:/cluster/{clusterId}'], where: dev },
        { operations: ['getCluster'] },
      ],
    ],
    [
      'entries with fields, and a condition of several lines',
      `# who may do what\r\nallow: # everybody\r\n- 'PUT:/cluster/{id}:[metadata, nodeGroups.maxSize]'\r\nwhere:\r\n  ${dev}\r\n  AND TRUE = TRUE\r\n- getCluster`,
      [
        {
          operations: ['PUT:/cluster/{id}:[metadata, nodeGroups.maxSize]'],
          where: `${dev} AND TRUE = TRUE`,
        },
        { operations: ['getCluster'] },
      ],
    ],
    [
      'fields of a list',
      'Allow:\n- a\n- b\nfields: [x, "y"]',
      [{ operations: ['a', 'b'], fields: ['x', 'y'] }],
    ],
    ['YAML', `allow:\n  - operations: [a]\n    where: ${dev}`, [{ operations: ['a'], where: dev }]],
    [
      'YAML, the condition first',
      `allow:\n  - where: ${dev}\n    operations: [a]`,
      [{ where: dev, operations: ['a'] }],
    ],
    [
      'YAML, with braces where it has them for maps',
      'allow:\n  - operations: [GET /a/{b}, c]\n    fields: [d]',
      [{ operations: ['GET /a/{b}', 'c'], fields: ['d'] }],
    ],
    ['JSON', '{"allow":[{"operations":["a"]}]}', [{ operations: ['a'] }]],
  ])('may be written with %s', (_, policy, allow) => {
    expect(partsIn(policy)).toEqual({ allow, filter: undefined })
  })

  test('may show only a part of responses', () => {
    const allow = [{ operations: ['a'] }]
    const shown = [{ operations: ['GET:/a:[name]', 'b'], mask: '***' }]
    expect(partsIn('allow:\n- a\nfilter:\n- GET:/a:[name]\n- b\nmask: "***"')).toEqual({
      allow,
      filter: shown,
    })
    const filter = [{ operations: ['a'], fields: ['name'] }]
    expect(partsIn('allow:\n- operations: [a]\nfilter:\n- operations: [a]\n  fields: [name]')).toEqual({
      allow,
      filter,
    })
  })

  test.each([
    ['- getCluster', 'line 1: the list is of nothing'],
    ['', 'line 1: the policy allows nothing'],
    ['allow:\nwhere: x', 'line 2: where is of no list'],
    ['allow:\n- a\nwhere: x\nwhere: y', 'line 4: where stands twice'],
    ['type: rego\nallow:\n- a', 'line 1: a policy of the type rego'],
    ['alow:\n- a', 'line 1: alow: is no part of a policy'],
    ['allow: a\n- b', 'line 1: nothing stands behind allow:'],
    ['allow:\n- a\nfilter: [name]', 'line 3: nothing stands behind filter:'],
    ['allow:\napis: a\n- b', 'line 2: nothing stands behind apis:'],
    ['allow:\n- operations: [a', 'line'],
    ['allow:\n- operations: [a]\nname: x', 'a policy has no name'],
  ])('is refused with its place: %j', (policy, detail) => {
    const [fault] = faultsIn(policy)
    expect(fault).toMatchObject({ pointer: '/policy', detail: expect.stringContaining(detail) })
  })

  test('tells faults of what it says by their lines', () => {
    const { tell } = partsOf({ policy: `allow:\n- a\n\n- b\nwhere: x` })
    const told = (pointer: string) => tell({ pointer, detail: 'wrong' }).detail
    expect(told('/allow/0/operations/1')).toBe('line 4: wrong')
    expect(told('/allow/0/where')).toBe('line 5: wrong')
    expect(told('/allow/0/fields/3')).toBe('line 2: wrong')
    expect(told('/allow')).toBe('line 1: wrong')
  })

  test.each([
    ['allow:\n- ', ' '],
    ['', '\n'],
    ['allow:\n- operations: [', '{'],
    ['allow:\n', '- operations: ['],
    ['allow:\n- a\nwhere:\n', 'x\n'],
    ['allow:\n- GET', ' '],
  ])('is read in a time that grows with its length alone: %j, %j again and again', (start, again) => {
    const policy = start + again.repeat(Math.floor(200_000 / again.length))
    const startedMs = performance.now()
    try {
      const { allow } = partsOf({ policy: `${policy}x` })
      readEachStatement(allow, statementGround([], 'latchkey'), '/allow')
    } catch (error) {
      expect(error).toBeInstanceOf(DomainError)
    }
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })
})
