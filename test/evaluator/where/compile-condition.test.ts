import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileCondition } from '../../../src/evaluator/where/compile-condition.ts'
import type { RequestReading } from '../../../src/evaluator/where/condition-facts.ts'
import { decimalOf } from '../../../src/evaluator/where/decimal.ts'
import { parseCondition } from '../../../src/evaluator/where/parse-condition.ts'
import { printCondition } from '../../../src/evaluator/where/print-condition.ts'
import type { Truth } from '../../../src/evaluator/where/truth.ts'
import { variablesOf } from '../../../src/evaluator/where/variables-of.ts'
import { factsOf, fewConditions, fewFacts, readings } from './conditions.ts'
import { naiveCondition, type PlainFacts } from './naive-condition.ts'
import { naiveOutcomes } from './naive-outcomes.ts'

const nobody: PlainFacts = {
  resourceTags: {},
  principalTags: {},
  principal: { id: 'usr_1', kind: 'user', organizationId: 'org_1' },
  request: {},
}

/** What a condition's text comes out as. */
function outcome(text: string, facts: Partial<PlainFacts> = {}): Truth {
  const answer = parseCondition(text)
  if ('faults' in answer) throw new Error(`${text}: ${JSON.stringify(answer.faults)}`)
  return compileCondition(answer.condition)(factsOf({ ...nobody, ...facts }))
}

const ofTags = (text: string, tags: Record<string, readonly string[]>) =>
  outcome(text, { resourceTags: tags })
const ofRequest = (text: string, reading: RequestReading) => outcome(text, { request: { a: reading } })

describe('a condition on tags', () => {
  test.each([
    ["$resourceTags:env = 'dev'", { env: ['dev'] }, 'true'],
    ["$resourceTags:env = 'DEV'", { Env: ['Dev'] }, 'true'],
    ["$resourceTags:env = 'dev'", { env: ['prod'] }, 'false'],
    // A tag that is missing is unknown to every comparison, so that no negation lets it pass.
    ["$resourceTags:env = 'dev'", {}, 'unknown'],
    ["$resourceTags:env != 'prod'", {}, 'unknown'],
    ["NOT $resourceTags:env = 'prod'", {}, 'unknown'],
    ["$resourceTags:env NOT IN ('prod')", {}, 'unknown'],
    ["$resourceTags:env NOT LIKE 'p%'", {}, 'unknown'],
    ['$resourceTags:env NOT BETWEEN 1 AND 2', {}, 'unknown'],
    ['$resourceTags:env = $resourceTags:env', {}, 'unknown'],
    ['$resourceTags:env IS NULL', {}, 'true'],
    ['$resourceTags:env IS NOT NULL', { env: ['dev'] }, 'true'],
    ["$resourceTags:env IS NULL OR $resourceTags:env != 'prod'", {}, 'true'],
    // Any value is enough; a negation wants none.
    ["$resourceTags:env = 'dev' AND $resourceTags:env IN ('prod')", { env: ['dev', 'prod'] }, 'true'],
    ["$resourceTags:env != 'dev'", { env: ['dev', 'prod'] }, 'false'],
    ["$resourceTags:env NOT LIKE 'd%'", { env: ['prod', 'test'] }, 'true'],
    ["$resourceTags:env LIKE 'D%'", { env: ['prod', 'dev'] }, 'true'],
    ["$resourceTags:env LIKE '%v'", { env: ['DEV'] }, 'true'],
    ["$resourceTags:env LIKE 'e'", { env: ['dev'] }, 'false'],
    ["$resourceTags:env LIKE '%e%'", { env: ['dev'] }, 'true'],
    ["$resourceTags:share LIKE '%\\%'", { share: ['50%'] }, 'true'],
    ["$resourceTags:name LIKE 'a_c'", { name: ['abc'] }, 'false'],
    ['$resourceTags:size < 10', { size: ['12', '9'] }, 'true'],
    ['NOT $resourceTags:size < 10', { size: ['12', '9'] }, 'false'],
    ['$resourceTags:size < 10', { size: ['12', 'big'] }, 'unknown'],
    ['$resourceTags:size < 10', { size: ['9', 'big'] }, 'true'],
    ['$resourceTags:size NOT BETWEEN 1 AND 10', { size: ['12', 'big'] }, 'unknown'],
    // Text by =, numbers by the rest.
    ['$resourceTags:size = 10', { size: ['10.0'] }, 'false'],
    ['$resourceTags:size >= 10', { size: ['10.0'] }, 'true'],
    ['$resourceTags:size <= 10', { size: ['1e1'] }, 'true'],
    ['$resourceTags:size BETWEEN 9 AND 10', { size: ['010'] }, 'unknown'],
    ['$resourceTags:size < 9007199254740993', { size: ['9007199254740992'] }, 'true'],
    ['$resourceTags:size < 0.30000000000000000001', { size: ['0.3'] }, 'true'],
    ['$resourceTags:size > 0.30000000000000000001', { size: ['0.3'] }, 'false'],
    ["10 > $resourceTags:size AND '9' <= $resourceTags:size", { size: ['9'] }, 'true'],
    ['$resourceTags:flag = TRUE', { flag: ['True'] }, 'true'],
    ["$resourceTags:__proto__ = 'x'", {}, 'unknown'],
    ['$resourceTags:constructor IS NULL', {}, 'true'],
  ] as const)('%s, of %j: %s', (text, tags, expected) => {
    expect(ofTags(text, tags)).toBe(expected)
  })

  test('that are not known is unknown, IS NULL too', () => {
    for (const text of [
      '$resourceTags:env IS NULL',
      '$resourceTags:env IS NOT NULL',
      "$resourceTags:env = 'dev'",
      "NOT $resourceTags:env = 'dev'",
      '$resourceTags:env = $principalTags:env',
    ])
      expect(outcome(text, { resourceTags: undefined, principalTags: { env: ['dev'] } })).toBe('unknown')
  })

  test('of resource and caller holds where they share a value, or one of them is less', () => {
    const facts = {
      resourceTags: { team: ['Core', 'Web'], level: ['3'] },
      principalTags: { TEAM: ['web'], level: ['2', '5'] },
    }
    expect(outcome('$resourceTags:team = $principalTags:team', facts)).toBe('true')
    expect(outcome('$resourceTags:team != $principalTags:team', facts)).toBe('false')
    expect(outcome('$resourceTags:level <= $principalTags:level', facts)).toBe('true')
    expect(outcome('$resourceTags:level = $principalTags:level', facts)).toBe('false')
    expect(outcome('$resourceTags:owner = $principalTags:team', facts)).toBe('unknown')
  })
})

describe('a condition on the request', () => {
  test.each([
    ["$request:a = 'x'", ['x'], 'true'],
    ["$request:a = 'x'", ['X'], 'false'],
    // Of several values all must hold; where they differ, it is unknown, and so is its negation.
    ["$request:a IN ('x', 'y')", ['x', 'y'], 'true'],
    ["$request:a = 'x'", ['x', 'y'], 'unknown'],
    ["$request:a != 'x'", ['x', 'y'], 'unknown'],
    ["$request:a != 'x'", ['y', 'z'], 'true'],
    ["$request:a LIKE 'x%'", ['xa', 'xb'], 'true'],
    ['$request:a < 10', [1, 2, 9.5], 'true'],
    ['$request:a < 10', [1, 10], 'unknown'],
    ['$request:a < 10', ['1', 'many'], 'unknown'],
    ["$request:a = 'x'", [], 'unknown'],
    ["$request:a = 'x'", 'absent', 'unknown'],
    ["$request:a != 'x'", 'unusable', 'unknown'],
    ['$request:a IS NULL', 'absent', 'true'],
    ['$request:a IS NULL', ['x'], 'false'],
    ['$request:a IS NULL', 'unusable', 'unknown'],
    ['$request:a IS NOT NULL', 'unusable', 'unknown'],
    ['$request:a IS NULL', [], 'unknown'],
    // The value's type says how it is compared.
    ['$request:a = 10', [10], 'true'],
    ['$request:a = 10.0', [10], 'true'],
    ["$request:a = '10'", [10], 'true'],
    ['$request:a = 10', ['10'], 'true'],
    ['$request:a = 10.0', ['10'], 'false'],
    ["$request:a = 'ten'", [10], 'false'],
    ['$request:a = TRUE', [true], 'true'],
    ["$request:a = 'true'", [true], 'true'],
    ['$request:a = TRUE', ['true'], 'true'],
    ['$request:a = TRUE', ['TRUE'], 'false'],
    ['$request:a = FALSE', [true], 'false'],
    ['$request:a = 1', [true], 'false'],
    ["$request:a LIKE '1%'", [10], 'unknown'],
    ['$request:a < 10', [true], 'unknown'],
    ['$request:a < 10', [Number.NaN], 'unknown'],
    ['$request:a > 10', [Number.POSITIVE_INFINITY], 'unknown'],
    ['$request:a >= 1e21', [1e21], 'true'],
    ['$request:a = -0.5', [-0.5], 'true'],
  ] as const)('%s, of %j: %s', (text, reading, expected) => {
    expect(ofRequest(text, reading)).toBe(expected)
  })

  test('is exact where the number is handed over as it was written', () => {
    const exact = decimalOf('9007199254740993') ?? 0
    expect(ofRequest('$request:a = 9007199254740993', [exact])).toBe('true')
    expect(ofRequest('$request:a <= 9007199254740992', [exact])).toBe('false')
    expect(ofRequest('$request:a = 9007199254740992', [exact])).toBe('false')
    expect(ofRequest('$request:a = 1.50', [decimalOf('15e-1') ?? 0])).toBe('true')
  })

  test('and on tags: each of its values finds a tag, in any letter case', () => {
    const facts = (a: RequestReading) => ({ request: { a }, principalTags: { team: ['Core', 'Web', '5.0'] } })
    expect(outcome('$request:a = $principalTags:team', facts(['WEB', 'core']))).toBe('true')
    expect(outcome('$principalTags:team = $request:a', facts(['WEB', 'core']))).toBe('true')
    expect(outcome('$principalTags:team = $request:a', facts(['web', 'ops']))).toBe('unknown')
    expect(outcome('$principalTags:team != $request:a', facts(['ops']))).toBe('true')
    expect(outcome('$principalTags:team = $request:a', facts([5]))).toBe('true')
    expect(outcome('$principalTags:team = $request:a', facts(['5']))).toBe('false')
    expect(outcome('$request:a < $principalTags:team', facts([4]))).toBe('true')
    expect(outcome('$request:a > $principalTags:team', facts([6]))).toBe('true')
    expect(outcome('$principalTags:team > $request:a', facts([6]))).toBe('unknown')
  })

  test('and another part of it: one list at the most', () => {
    const facts = (a: RequestReading, b: RequestReading) => ({ request: { a, b } })
    expect(outcome('$request:a = $request:b', facts(['x'], ['x', 'x']))).toBe('true')
    expect(outcome('$request:a = $request:b', facts(['x', 'y'], ['x']))).toBe('unknown')
    expect(outcome('$request:a = $request:b', facts(['x', 'x'], ['x', 'x']))).toBe('unknown')
    expect(outcome('$request:a != $request:b', facts(['x', 'x'], ['y', 'y']))).toBe('unknown')
    expect(outcome('$request:a <= $request:b', facts([1, 2], [2]))).toBe('true')
  })

  test('whose body is not at hand needs it only where the rest does not decide', () => {
    const a = { request: { a: 'body_not_at_hand' } } as const
    expect(outcome("$request:a = 'x'", a)).toBe('body_required')
    expect(outcome("$request:a != 'x'", a)).toBe('body_required')
    expect(outcome('$request:a IS NULL', a)).toBe('body_required')
    expect(outcome("$request:a = 'x' AND $principal:kind = 'key'", a)).toBe('false')
    expect(outcome("$request:a = 'x' OR $principal:kind = 'user'", a)).toBe('true')
    expect(outcome('$request:a = $request:a', a)).toBe('body_required')
  })

  test.each([
    ["$resourceTags:env = 'dev' AND $request:a = 'x'", 'never_true'],
    ["$request:a = 'x' AND $resourceTags:env = 'dev'", 'never_true'],
    ["$request:a = 'x' OR $resourceTags:env = 'dev'", 'never_false'],
    ["NOT ($resourceTags:env = 'dev' AND $request:a = 'x')", 'never_false'],
    ["NOT ($resourceTags:env = 'dev' OR $request:a = 'x')", 'never_true'],
    ["$resourceTags:env = 'dev' AND ($request:a = 'x' OR $resourceTags:env = 'dev')", 'unknown'],
    ["$request:a IS NULL AND ($request:a = 'x' OR $resourceTags:env = 'dev')", 'body_required'],
    ["($request:a = 'x' OR $resourceTags:env = 'dev') AND $principal:kind = 'key'", 'false'],
    ['$request:a = $resourceTags:env', 'unknown'],
    ['$resourceTags:env < $request:a', 'unknown'],
    ['$request:a = $principal:id', 'body_required'],
    ['$request:a < $principal:id', 'unknown'],
    ['$request:a = $request:b', 'unknown'],
    ['$request:c = $request:a', 'body_required'],
    ['$request:c < $request:a', 'unknown'],
    ["$request:a LIKE '%'", 'never_false'],
    ['$request:a BETWEEN 7 AND 5', 'never_true'],
    ['$request:a > $principalTags:size', 'never_false'],
    ['$request:a != $principalTags:size', 'body_required'],
  ])('tells what no body can turn: %s: %s', (text, expected) => {
    const request = { a: 'body_not_at_hand', b: 'absent', c: ['x'] } as const
    expect(outcome(text, { request, principalTags: { size: ['5', 'big'] } })).toBe(expected)
  })

  test.each([
    [['5', '5.0'], 'body_required'],
    [['x', 'x'], 'body_required'],
    [['x', 'y'], 'never_true'],
    [[], 'unknown'],
  ])('is never equal to several values that differ: %j', (c, expected) => {
    const request = { a: 'body_not_at_hand', c } as const
    expect(outcome('$request:a = $request:c', { request })).toBe(expected)
    expect(outcome('$request:c = $request:a', { request })).toBe(expected)
  })

  test('takes a time that grows with its length alone, whatever is looked for in it', () => {
    // The engine's own search needs seconds for this.
    const part = `${'a'.repeat(2000)}b${'a'.repeat(2000)}`
    const text = `$request:a LIKE '%${part}%'`
    expect(ofRequest(text, ['a'.repeat(1_000_000)])).toBe('false')
    expect(ofRequest(text, [`${'a'.repeat(500_000)}b${'a'.repeat(500_000)}`])).toBe('true')
  })
})

describe('a condition on the caller', () => {
  test.each([
    ["$principal:kind = 'user'", 'true'],
    ["$principal:kind = 'USER'", 'false'],
    ["$principal:id LIKE 'usr_%'", 'true'],
    ["$principal:organization IN ('org_1', 'org_2')", 'true'],
    ['$principal:id IS NULL', 'false'],
    ['$principal:id < 5', 'unknown'],
    ['$principal:id = $resourceTags:owner', 'true'],
    ['$resourceTags:owner != $principal:id', 'false'],
    ['$principal:id = $principal:id', 'true'],
  ])('%s: %s', (text, expected) => {
    expect(outcome(text, { resourceTags: { owner: ['USR_1'] } })).toBe(expected)
  })

  test.each([
    ["'a' = 'a'", 'true'],
    ["'a' = 'A'", 'false'],
    ['10 = 10.0', 'false'],
    ['10 <= 10.0', 'true'],
    ["TRUE = 'true'", 'true'],
    ["'a' IS NULL", 'false'],
    ["1 IN (2, '1')", 'true'],
  ])('or on nothing but literals: %s: %s', (text, expected) => {
    expect(outcome(text)).toBe(expected)
  })
})

test('the outcome is that of the rules said plainly, for any condition and facts', () => {
  const seen = new Set<Truth>()
  fc.assert(
    fc.property(fewConditions, fewFacts, (condition, facts) => {
      const outcome = compileCondition(condition)(factsOf(facts))
      seen.add(outcome)
      const plain = naiveCondition(condition, facts)
      expect(outcome).toBe(plain === undefined ? 'unknown' : String(plain))
    }),
    { numRuns: 2000 },
  )
  expect([...seen].sort()).toEqual(['false', 'true', 'unknown'])
})

test('an outcome without the body is the same with any body', () => {
  let decided = 0
  fc.assert(
    fc.property(fewConditions, fewFacts, readings, (condition, facts, reading) => {
      const compiled = compileCondition(condition)
      const without = { ...facts, request: { ...facts.request, a: 'body_not_at_hand' } as const }
      const outcome = compiled(factsOf(without))
      if (outcome === 'body_required') return
      if (printCondition(condition).includes('$request:a')) decided++
      const withBody = compiled(factsOf({ ...facts, request: { ...facts.request, a: reading } }))
      if (outcome === 'never_true') expect(['false', 'unknown']).toContain(withBody)
      else if (outcome === 'never_false') expect(['true', 'unknown']).toContain(withBody)
      else expect(withBody).toBe(outcome)
    }),
    { numRuns: 2000 },
  )
  expect(decided).toBeGreaterThan(100)
})

test('without the body, just that is told which some body would make of each test by itself', () => {
  const seen = new Map<Truth, number>()
  fc.assert(
    fc.property(fewConditions, fewFacts, (condition, facts) => {
      const without = { ...facts, request: { ...facts.request, a: 'body_not_at_hand' } as const }
      const outcome = compileCondition(condition)(factsOf(without))
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
      expect(outcome).toBe(truthOfOutcomes(naiveOutcomes(condition, facts, 'a')))
    }),
    { numRuns: 2000 },
  )
  expect(seen.size).toBe(6)
})

function truthOfOutcomes(outcomes: ReadonlySet<boolean | undefined>): Truth {
  const [only] = outcomes
  if (outcomes.size === 1) return only === undefined ? 'unknown' : `${only}`
  if (outcomes.has(true)) return outcomes.has(false) ? 'body_required' : 'never_false'
  return 'never_true'
}

test('the variables of a condition are each told once', () => {
  const answer = parseCondition(
    "$resourceTags:env = 'a' AND ($request:b:c IN (1) OR NOT 5 < $principalTags:x) AND $resourceTag:env = $request:path:d",
  )
  if ('faults' in answer) throw new Error(JSON.stringify(answer.faults))
  expect(variablesOf(answer.condition)).toEqual([
    { of: 'resourceTags', key: 'env' },
    { of: 'request', path: ['b', 'c'] },
    { of: 'principalTags', key: 'x' },
    { of: 'request', path: ['d'], from: 'path' },
  ])
})
