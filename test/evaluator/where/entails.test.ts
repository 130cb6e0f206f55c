import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LimitComparison } from '../../../src/evaluator/compare-limits.ts'
import { compileCondition } from '../../../src/evaluator/where/compile-condition.ts'
import type { Condition } from '../../../src/evaluator/where/condition.ts'
import { canHold, entails } from '../../../src/evaluator/where/entails.ts'
import { parseCondition } from '../../../src/evaluator/where/parse-condition.ts'
import { printCondition } from '../../../src/evaluator/where/print-condition.ts'
import { closeConditions, factsOf, fewConditions, fewFacts } from './conditions.ts'

function parsed(text: string): Condition {
  const answer = parseCondition(text)
  if ('faults' in answer) throw new Error(`${text}: ${JSON.stringify(answer.faults)}`)
  return answer.condition
}

/** Where they stand alone, `env`, `size` and `team` are tags of the resource, `a` and `b` fields of the request. */
function read(text: string): Condition {
  const alone = (names: string) => new RegExp(`(?<![:'%\\w])(${names})(?!['%\\w])`, 'g')
  return parsed(
    text.replace(alone('env|size|team'), '$$resourceTags:$1').replace(alone('a|b'), '$$request:$1'),
  )
}

describe('a condition that can never hold', () => {
  test.each([
    '1 = 2',
    "'a' IS NULL",
    '1 = 1 AND 2 > 3',
    '$principal:id IS NULL',
    "$principal:kind = 'robot'",
    "$principal:kind NOT IN ('key', 'user')",
    "$principal:id = 'x' AND $principal:id = 'y'",
    "$principal:id = 'x' AND $principal:id = 'X'",
    "env = 'x' AND NOT env = 'x'",
    "env = 'x' AND env != 'X'",
    "env IN ('x', 'y') AND env NOT IN ('y', 'x', 'z')",
    "env LIKE 'ab%' AND env NOT LIKE 'a%'",
    "env LIKE '%abc%' AND env NOT LIKE '%b%'",
    "env = 'abc' AND env NOT LIKE '%b%'",
    "env IS NULL AND env = 'x'",
    "env IS NULL AND env != 'x'",
    'env IS NULL AND env = $principalTags:env',
    'env IS NULL AND env IS NOT NULL',
    'env != env',
    'size BETWEEN 10 AND 5',
    'size > 5 AND NOT size >= 5',
    'size BETWEEN 6 AND 7 AND size NOT BETWEEN 5 AND 8',
    "a = 'x' AND a = 'y'",
    "a = 'x' AND a IN ('y', 'z')",
    'a = 10 AND a > 10',
    'a < 5 AND a > 5',
    'a < 5 AND a >= 5.0',
    'a > 3 AND a < 10 AND a NOT BETWEEN 1 AND 20',
    "a < 5 AND a = 'five'",
    "a LIKE 'x%' AND a LIKE 'y%'",
    "a LIKE '%x' AND a LIKE '%y'",
    "a IS NULL AND a != 'x'",
    // In each of its branches.
    "(env IS NULL OR a = 'x') AND (env = 'y' AND a = 'z')",
    "NOT (env = 'x' OR NOT env = 'x')",
  ])('%s', (text) => {
    expect(canHold(read(text))).toBe(false)
  })

  test('nor one that asks whether a text is less than a number', () => {
    const [left, right] = [{ of: 'text', text: 'x' } as const, { of: 'number', text: '5' } as const]
    const less: Condition = { kind: 'comparison', left, operator: '<', right }
    expect([canHold(less), canHold({ kind: 'not', of: less })]).toEqual([false, false])
  })

  test.each([
    // A tag may have both values.
    "env = 'dev' AND env IN ('prod')",
    'size < 5 AND size > 6',
    "env LIKE 'a%' AND env LIKE 'b%'",
    "env = 'dev' AND env NOT LIKE 'p%'",
    "a = 10 AND a = '10'",
    "a = TRUE AND a = 'true'",
    'a > 5 AND a < 6',
    'a >= 5 AND a <= 5.0',
    "a LIKE 'x%' AND a LIKE '%y'",
    "env IS NULL AND team = 'x'",
    "$principal:kind = 'key' OR 1 = 2",
    "$principal:kind != 'key'",
    'env = team AND env != $principalTags:env',
    'env < env',
  ])('is not: %s', (text) => {
    expect(canHold(read(text))).toBe(true)
  })
})

describe('one condition is proven to be within another', () => {
  test.each([
    ["env = 'x'", "env = 'X'"],
    ["env = 'x'", "'x' = env"],
    ["env = 'x' AND team = 'y'", "env = 'x'"],
    ["env = 'x' AND team = 'y'", "team = 'y' AND env = 'x'"],
    ["env = 'x'", "env = 'x' OR team = 'y'"],
    ["env = 'x'", "env IN ('x', 'y')"],
    ["env IN ('x', 'y')", "env = 'y' OR env = 'x'"],
    ["env IN ('y', 'x')", "env IN ('x', 'y', 'z')"],
    ["env NOT IN ('x', 'y')", "env != 'x'"],
    ["env != 'x' AND env != 'y'", "env NOT IN ('x', 'y')"],
    ["env = 'x' OR env = 'y'", "env IN ('x', 'y')"],
    ["env = 'x'", "env LIKE 'x%'"],
    ["env LIKE 'ab%'", "env LIKE 'a%'"],
    ["env LIKE '%ab'", "env LIKE '%a%'"],
    ["env NOT LIKE 'a%'", "env NOT LIKE 'ab%'"],
    ["env NOT LIKE 'a%'", "env != 'abc'"],
    ["env = 'x'", 'env IS NOT NULL'],
    ['env = $principalTags:env', 'env IS NOT NULL'],
    ['env = $principalTags:env', '$principalTags:env = env'],
    ['size < $principalTags:size', '$principalTags:size > size'],
    ['NOT size < 5', 'NOT size < 4'],
    ['size BETWEEN 5 AND 7', 'size BETWEEN 5.0 AND 1e1'],
    ['size BETWEEN 5 AND 7', 'size >= 5'],
    ['size NOT BETWEEN 5 AND 7', 'NOT size = 6'],
    ['a BETWEEN 5 AND 7', 'a > 4 AND a < 8'],
    ['a > 4 AND a < 8', 'a BETWEEN 4 AND 8'],
    ['a < 5', 'NOT a >= 5'],
    ['NOT a >= 5', 'a < 5'],
    ['a < 5', 'a != 7'],
    ['a = 6', 'a BETWEEN 5 AND 7'],
    ["a LIKE 'x%'", "a NOT LIKE 'y%'"],
    ["a = 'x'", "a != 'y'"],
    ["$principal:kind != 'key'", "$principal:kind = 'user'"],
    ["$principal:kind = 'key'", 'TRUE = TRUE'],
    ['1 = 2', "env = 'x'"],
    ["env = 'x' AND (team = 'y' OR a = 'z')", "(env = 'x' AND team = 'y') OR (env = 'x' AND a = 'z')"],
    ["(env = 'x' OR env = 'y') AND (team = 'y' OR team = 'z')", "team IN ('y', 'z')"],
    ["NOT (env = 'x' OR team = 'y')", "env != 'x'"],
    ["NOT (NOT env = 'x')", "env = 'x'"],
  ])('%s is within %s', (narrow, wide) => {
    expect(entails(read(narrow), read(wide))).toBe(true)
  })

  test.each([
    ["env = 'x'", "env = 'y'"],
    ["env = 'x' OR team = 'y'", "env = 'x'"],
    ["env IN ('x', 'y')", "env = 'x'"],
    // A tag with another value besides, and one without any.
    ["env = 'x'", "env != 'y'"],
    ['size < 5', 'NOT size >= 5'],
    ['size > 5 AND size < 7', 'size BETWEEN 5 AND 7'],
    ["env != 'x'", "env != 'x' AND team != 'y'"],
    ["env LIKE 'a%'", "env NOT LIKE 'b%'"],
    ["team = 'x'", 'env IS NULL OR env IS NOT NULL'],
    ["team = 'x'", "env = 'x' OR env != 'x'"],
    ["a = 'x'", "a = 'X'"],
    // Of two values, one may be the one and one the other.
    ["a IN ('x', 'y')", "a = 'x' OR a = 'y'"],
    ['a = 10', "a = '10.0'"],
    ['a < 10', 'a < 9'],
    ['a <= 5', 'a < 5'],
    // A number is not a text that a pattern could be asked of.
    ["a = '10'", "a LIKE '1%'"],
    ['NOT size >= 5', 'size NOT IN (4)'],
    ['$request:a = 1', '$request:body:a = 1'],
    ['env = $principalTags:env', 'env = $principalTags:team'],
  ])('%s is not within %s', (narrow, wide) => {
    expect(entails(read(narrow), read(wide))).toBe(false)
  })

  test('whatever its size, itself included', () => {
    const clause = (n: number) => `(env = '${n}' OR team = '${n}')`
    const many = (size: number) => Array.from({ length: size }, (_, n) => clause(n)).join(' AND ')
    expect(entails(read(many(40)), read(many(40)))).toBe(true)
    expect(entails(read(many(40)), read(many(39)))).toBe(true)
    expect(entails(read(many(40)), read("env = '39' OR team IN ('39', 'x')"))).toBe(true)
    // Two to the fortieth cases: it gives up.
    expect(entails(read(many(40)), read("a = 'x'"))).toBe(false)
    expect(canHold(read(many(40)))).toBe(true)
  })
})

test('a condition is within itself, within one of its parts, and within an alternative to which it belongs', () => {
  fc.assert(
    fc.property(fewConditions, fewConditions, (a, b) => {
      expect(entails(a, a)).toBe(true)
      expect(entails(joined('and', a, b), a)).toBe(true)
      expect(entails(joined('and', b, a), a)).toBe(true)
      expect(entails(a, joined('or', a, b))).toBe(true)
      expect(entails(a, joined('or', b, a))).toBe(true)
    }),
    { numRuns: 400 },
  )
})

/** Most pairs of random conditions have nothing to do with each other; these do. */
const relatedPairs: fc.Arbitrary<readonly [Condition, Condition]> = fc.oneof(
  { weight: 3, arbitrary: closeConditions.chain((some) => fc.tuple(some, some)) },
  fc.tuple(fewConditions, fewConditions),
  fc
    .tuple(fewConditions, fewConditions, fewConditions)
    .map(([a, b, c]) => [joined('and', a, c), joined('or', b, a)] as const),
  fewConditions.map((a) => [a, { kind: 'not', of: { kind: 'not', of: a } }] as const),
)

const twoConditions = fc.oneof(
  { weight: 3, arbitrary: closeConditions.chain((some) => fc.tuple(some, some)) },
  fc.tuple(fewConditions, fewConditions),
)

function joined(kind: 'and' | 'or', ...of: readonly Condition[]): Condition {
  return { kind, of }
}

describe('what is asked of a role', () => {
  test('is what the proof alone would say: what is refuted sooner could not be proven', () => {
    const count = { proven: 0, not: 0 }
    fc.assert(
      fc.property(relatedPairs, ([narrow, wide]) => {
        const [where, than] = [printCondition(narrow), printCondition(wide)]
        const isWithin = new LimitComparison().isWithin({ where }, { where: than }, 'anything')
        expect(isWithin).toBe(entails(narrow, wide))
        expect(new LimitComparison().canHold(where, narrow)).toBe(canHold(narrow))
        count[isWithin ? 'proven' : 'not']++
      }),
      { numRuns: 800 },
    )
    expect(Math.min(count.proven, count.not)).toBeGreaterThan(80)
  })
})

describe('what is proven is so', () => {
  const numRuns = 800
  const someFacts = fc.array(fewFacts, { minLength: 15, maxLength: 15 })

  test('a condition that is within another is nowhere true where the other is not', () => {
    const count = { proven: 0, met: 0 }
    fc.assert(
      fc.property(relatedPairs, someFacts, ([narrow, wide], some) => {
        if (!entails(narrow, wide)) return
        count.proven++
        const [isNarrow, isWide] = [compileCondition(narrow), compileCondition(wide)]
        for (const facts of some.map(factsOf)) {
          if (isNarrow(facts) !== 'true') continue
          count.met++
          expect(isWide(facts)).toBe('true')
        }
      }),
      { numRuns },
    )
    expect(count.proven).toBeGreaterThan(numRuns / 10)
    expect(count.met).toBeGreaterThan(numRuns / 4)
  })

  test('a condition that cannot hold is nowhere true', () => {
    let proven = 0
    fc.assert(
      fc.property(twoConditions, someFacts, ([one, other], some) => {
        const both = joined('and', one, other)
        if (canHold(both)) return
        proven++
        const compiled = compileCondition(both)
        for (const facts of some.map(factsOf)) expect(compiled(facts)).not.toBe('true')
      }),
      { numRuns },
    )
    expect(proven).toBeGreaterThan(numRuns / 20)
  })
})
