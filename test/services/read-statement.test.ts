import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCondition } from '../../src/evaluator/where/parse-condition.ts'
import { printCondition } from '../../src/evaluator/where/print-condition.ts'
import { readStatements, statementGround } from '../../src/services/read-statement.ts'
import { operation } from '../evaluator/clinic-model.ts'
import { fewConditions } from '../evaluator/where/conditions.ts'

const clusterBody = {
  members: {
    metadata: { members: {}, open: true },
    nodeGroups: { members: { maxSize: 'integer', minSize: 'integer' } },
    shared: 'boolean',
    tier: 'string',
  },
} as const

const operations = [
  operation('putCluster', 'PUT /clusters/{clusterId}', {
    resourceParameter: 'clusterId',
    parameters: { clusterId: { type: 'string' } },
    request: { query: { tier: { type: 'string' } }, body: clusterBody },
  }),
  operation('getCluster', 'GET /clusters/{clusterId}', {
    resourceParameter: 'clusterId',
    parameters: { clusterId: { type: 'string' } },
  }),
  operation('patchAnything', 'PATCH /clusters/{clusterId}', {
    resourceParameter: 'clusterId',
    request: { body: { members: {}, open: true } },
  }),
  operation('listClusters', 'GET /clusters', { request: { query: { page: { type: 'integer' } } } }),
]

function read(allow: unknown, resources: 'api' | 'latchkey' | 'unsaid' = 'latchkey') {
  const { statements, faults } = readStatements(allow, statementGround(operations, resources), '/allow')
  return { allow: statements.map(({ statement }) => statement), faults }
}

describe('a statement is kept in its one spelling', () => {
  test.each([
    [
      { operations: ['PUT /clusters/{id}'], where: "$resourceTag:env = ‘dev’ and $request:id like 'a%'" },
      { operations: ['putCluster'], where: "$resourceTags:env = 'dev' AND $request:clusterId LIKE 'a%'" },
    ],
    [
      { operations: ['PUT /clusters/{cluster-id}'], where: '$request:path:cluster-id IS NOT NULL' },
      { operations: ['putCluster'], where: '$request:path:clusterId IS NOT NULL' },
    ],
    [
      {
        operations: ['putCluster', 'PUT:/clusters/{x}'],
        fields: ['metadata', 'nodeGroups.maxSize', 'metadata'],
      },
      { operations: ['putCluster'], fields: ['metadata', 'nodeGroups.maxSize'] },
    ],
    [
      { operations: ['PUT:/clusters/{clusterId}:[metadata, nodeGroups.maxSize]'] },
      { operations: ['putCluster'], fields: ['metadata', 'nodeGroups.maxSize'] },
    ],
    [{ operations: [{ PUT: '/clusters/{clusterId}' }] }, { operations: ['putCluster'] }],
    [
      { operations: ['putCluster : [metadata]'], where: '$request:shared = TRUE' },
      { operations: ['putCluster'], where: '$request:shared = TRUE', fields: ['metadata'] },
    ],
  ])('%j', (written, kept) => {
    expect(read([written])).toEqual({ allow: [kept], faults: [] })
  })

  test('entries that list fields of their own become statements of their own', () => {
    const where = "$principal:kind = 'user'"
    const written = [
      'getCluster',
      'PUT:/clusters/{id}:[metadata]',
      'GET /clusters:[page]',
      'GET:/clusters: [page]',
    ]
    expect(read([{ operations: written, where }])).toEqual({
      allow: [
        { operations: ['getCluster'], where },
        { operations: ['putCluster'], where, fields: ['metadata'] },
        { operations: ['listClusters'], where, fields: ['page'] },
      ],
      faults: [],
    })
  })

  test('and reads as the same tree, whatever the condition', () => {
    let accepted = 0
    fc.assert(
      fc.property(fewConditions, (condition) => {
        const written = printCondition(condition).replaceAll(' AND ', '\n and ').replaceAll("'", '"')
        const kept = read([{ operations: ['patchAnything'], where: written }]).allow[0]?.where
        if (kept === undefined) return
        accepted++
        expect(parseCondition(kept)).toEqual({ condition })
        expect(read([{ operations: ['patchAnything'], where: kept }]).allow[0]?.where).toBe(kept)
      }),
      { numRuns: 2_000 },
    )
    expect(accepted).toBeGreaterThan(500)
  })
})

describe('a statement is refused', () => {
  test.each([
    ['a text that is no condition', { where: '$request:tier = ' }, 17, 'should stand here, not the end'],
    ['a condition that is no text', { where: 7 }, undefined, 'a condition is a text'],
    ['an undeclared field', { where: '$request:nodeGroup:maxSize < 3' }, 1, 'declares no'],
    [
      'an ambiguous name',
      { where: "TRUE = TRUE AND $request:tier = 'a'" },
      17,
      'a query parameter and a field',
    ],
    [
      'text where the document has an integer',
      { where: "$request:nodeGroups:maxSize = 'many'" },
      1,
      'an integer',
    ],
    ['LIKE of an integer', { where: "$request:nodeGroups:minSize LIKE '1%'" }, 1, 'LIKE compares texts'],
    ['a number where there is a truth value', { where: '$request:shared < 3' }, 1, 'a truth value'],
    ['a value of an object', { where: "$request:metadata = 'a'" }, 1, 'an object'],
    ['a kind that no principal has', { where: "$principal:kind IN ('key', 'app')" }, 1, "never 'app'"],
    ['a tag that no principal has', { where: "$principalTags:'latchkey:owner' = 'a'" }, 1, 'no principal'],
    ['a key that no tag has', { where: "$resourceTags:' env' = 'a'" }, 1, 'no tag has the key'],
    [
      'a condition that never holds',
      { where: '$request:nodeGroups:minSize < 3 AND $request:nodeGroups:minSize > 5' },
      undefined,
      'can never hold',
    ],
  ])('for %s', (_, more, character, detail) => {
    const { faults } = read([{ operations: ['putCluster'], ...more }])
    const place = character === undefined ? '' : `character ${character}: `
    expect(faults).toMatchObject([{ pointer: '/allow/0/where' }])
    expect(faults[0]?.detail).toContain(detail)
    expect(faults[0]?.detail.startsWith(place)).toBe(true)
  })

  test('for the tags of a resource where nobody knows them, or there is none', () => {
    const where = "$resourceTags:env = 'dev'"
    const detailOf = (id: string, resources: 'api' | 'latchkey' | 'unsaid') =>
      read([{ operations: [id], where }], resources).faults[0]?.detail
    expect(detailOf('getCluster', 'latchkey')).toBeUndefined()
    expect(detailOf('getCluster', 'unsaid')).toBeUndefined()
    expect(detailOf('getCluster', 'api')).toContain('knows its resources itself')
    expect(detailOf('listClusters', 'unsaid')).toContain('listClusters acts on no resource')
  })

  test('where one of its operations does not declare what the condition asks for', () => {
    const where = '$request:page < 10'
    const { faults } = read([{ operations: ['listClusters', 'getCluster'], where }])
    expect(faults[0]?.detail).toContain('of getCluster')
  })

  test.each([
    [{ fields: [] }, '/allow/0/fields', 'lists 1 to 200 fields'],
    [{ fields: 'metadata' }, '/allow/0/fields', 'a list of texts'],
    [{ fields: ['metadata', 'nodeGroup.maxSize'] }, '/allow/0/fields/1', 'declares no nodeGroup.maxSize'],
    [{ operations: ['putCluster:[meta]'] }, '/allow/0/operations/0', 'declares no meta'],
    [{ operations: ['putCluster:[metadata]'], fields: ['metadata'] }, '/allow/0/operations/0', 'both'],
    [{ operations: [{ PUT: '/cluster/{id}' }] }, '/allow/0/operations/0', 'no operation PUT /cluster/{id}'],
    [{ operations: [7] }, '/allow/0/operations/0', 'named by a string'],
    [{ were: 'x' }, '/allow/0/were', 'a statement has no were'],
  ])('for %j', (more, pointer, detail) => {
    const { faults } = read([{ operations: ['putCluster'], ...more }])
    expect(faults).toMatchObject([{ pointer, detail: expect.stringContaining(detail) }])
  })

  test.each([
    ['which another allows without it', [{ operations: ['listClusters'] }], '$request:page < 3'],
    [
      'that another says, too',
      [{ operations: ['listClusters'], where: '$request:page < 3' }],
      '$request:page < 3',
    ],
    [
      'that is within another',
      [{ operations: ['listClusters'], where: '$request:page < 9' }],
      '$request:page < 3',
    ],
  ])('for a condition %s', (_, others, where) => {
    const { faults } = read([...others, { operations: ['listClusters'], where }])
    expect(faults).toMatchObject([
      { pointer: '/allow/1', detail: expect.stringContaining('/allow/0 allows all') },
    ])
  })

  test('for fields that another allows, but not where each says something of its own', () => {
    const statement = (fields: readonly string[]) => ({ operations: ['putCluster'], fields })
    const [all, one, other] = [
      statement(['nodeGroups']),
      statement(['nodeGroups.maxSize']),
      statement(['shared']),
    ]
    expect(read([one, all]).faults).toMatchObject([{ pointer: '/allow/0' }])
    expect(read([one, other]).faults).toEqual([])
  })

  test('but not where the other matches tags, nor where only a part of it is covered', () => {
    const dev = "$resourceTags:env = 'dev'"
    expect(read([{ operations: ['getCluster'] }, { operations: ['getCluster'], where: dev }]).faults).toEqual(
      [],
    )
    const both = { operations: ['getCluster', 'putCluster'], where: dev }
    expect(read([both, { operations: ['getCluster'], where: dev }]).faults).toMatchObject([
      { pointer: '/allow/1' },
    ])
    const more = { operations: ['getCluster'], where: "$resourceTags:env IN ('dev', 'stage')" }
    expect(read([both, more]).faults).toEqual([])
    expect(read([{ operations: ['getCluster'] }, { operations: ['getCluster'] }]).faults).toEqual([])
  })
})

describe('a role at its largest', () => {
  test('is read in bounded time, whatever its conditions', () => {
    const group = (i: number) =>
      Array.from(
        { length: 12 },
        (_, j) => `($resourceTags:a${j} = 'x${i}' OR $resourceTags:b${j} = 'y${i}')`,
      ).join(' AND ')
    const allow = Array.from({ length: 200 }, (_, i) => ({ operations: ['getCluster'], where: group(i) }))
    const startedMs = performance.now()
    expect(read(allow).faults).toEqual([])
    expect(performance.now() - startedMs).toBeLessThan(20_000)
  })

  test('is told which of its longest conditions adds nothing, wherever it stands', () => {
    const longest = (i: number) =>
      Array.from({ length: 60 }, (_, j) => `$resourceTags:k${j} = 'value-${i}-${j}'`).join(' AND ')
    const allow = Array.from({ length: 200 }, (_, i) => ({ operations: ['getCluster'], where: longest(i) }))
    const last = { operations: ['getCluster'], where: `${longest(0)} AND $resourceTags:team = 'core'` }
    expect(read([...allow, last]).faults).toMatchObject([
      { pointer: '/allow/200', detail: expect.stringContaining('/allow/0 allows all that it does') },
    ])
  })

  test('nor whatever its fields', () => {
    const fields = (i: number) => Array.from({ length: 200 }, (_, j) => `f${i}.g${j}`)
    const allow = Array.from({ length: 200 }, (_, i) => ({
      operations: ['patchAnything'],
      fields: fields(i),
    }))
    const startedMs = performance.now()
    expect(read(allow).faults).toEqual([])
    expect(performance.now() - startedMs).toBeLessThan(20_000)
  })

  test('is told of its faults as far as anybody reads them', () => {
    const fields = Array.from({ length: 200 }, (_, j) => `metdata${j}`)
    const allow = Array.from({ length: 200 }, () => ({ operations: ['putCluster'], fields }))
    const { faults } = read(allow)
    expect(faults.length).toBeGreaterThan(50)
    expect(faults.length).toBeLessThan(200)
    const named = { operations: Array.from({ length: 2_000 }, (_, j) => `putClustr${j}`) }
    expect(read([named]).faults.length).toBeLessThan(25)
  })
})
