import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  type Condition,
  conditionBytesMax,
  conditionDepthMax,
  conditionListMax,
  type Literal,
  type Variable,
} from '../../../src/evaluator/where/condition.ts'
import { parseCondition } from '../../../src/evaluator/where/parse-condition.ts'
import { printCondition } from '../../../src/evaluator/where/print-condition.ts'
import { conditions, fewConditions, predicates } from './conditions.ts'

function parsed(text: string): Condition {
  const answer = parseCondition(text)
  if ('faults' in answer) throw new Error(`${text}: ${JSON.stringify(answer.faults)}`)
  return answer.condition
}

function faults(text: string): readonly { offset: number; message: string; fix: string }[] {
  const answer = parseCondition(text)
  return 'faults' in answer ? answer.faults : []
}

/** The one spelling of a text. */
const spelled = (text: string) => printCondition(parsed(text))

describe('a condition', () => {
  test('is read to a typed tree', () => {
    expect(parsed("$resourceTags:env = 'dev' AND NOT $request:body:a:b IN ('x', 10, TRUE)")).toEqual({
      kind: 'and',
      of: [
        {
          kind: 'comparison',
          left: { of: 'resourceTags', key: 'env' },
          operator: '=',
          right: { of: 'text', text: 'dev' },
        },
        {
          kind: 'not',
          of: {
            kind: 'in',
            negated: false,
            operand: { of: 'request', path: ['a', 'b'], from: 'body' },
            literals: [
              { of: 'text', text: 'x' },
              { of: 'number', text: '10' },
              { of: 'boolean', value: true },
            ],
          },
        },
      ],
    })
  })

  test.each([
    // NOT binds closest, then AND, then OR.
    ['1=1 or 2=2 and not 3=3', '1 = 1 OR 2 = 2 AND NOT 3 = 3'],
    ['(1=1 OR 2=2) AND 3=3', '(1 = 1 OR 2 = 2) AND 3 = 3'],
    ['((1=1) OR (2=2 OR 3=3))', '1 = 1 OR 2 = 2 OR 3 = 3'],
    ['1=1 OR (2=2 AND 3=3)', '1 = 1 OR 2 = 2 AND 3 = 3'],
    ['NOT (1=1 AND 2=2)', 'NOT (1 = 1 AND 2 = 2)'],
    ['NOT (NOT 1=1)', 'NOT (NOT 1 = 1)'],
    ['NOT (1=1)', 'NOT 1 = 1'],
    // The BETWEEN's own AND.
    ['$request:n BETWEEN 1 AND 2 AND 1=1', '$request:n BETWEEN 1 AND 2 AND 1 = 1'],
    ['$request:n not Between -1 and 1e3', '$request:n NOT BETWEEN -1 AND 1e3'],
    ['$request:n is not null', '$request:n IS NOT NULL'],
    ['$request:n <> true', '$request:n != TRUE'],
    ["$principal:id NOT LIKE 'key\\_\\%%'", undefined],
    ["$principal:id NOT LIKE 'key_\\%%'", "$principal:id NOT LIKE 'key_\\%%'"],
    ["$principal:id LIKE '%%'", "$principal:id LIKE '%'"],
    ["$principal:id LIKE '%\\%'", "$principal:id LIKE '%\\%'"],
    ["'dev'=$resourceTags:env", "'dev' = $resourceTags:env"],
  ])('%s is spelled %s', (text, spelling) => {
    if (spelling === undefined) expect(faults(text)).toHaveLength(1)
    else expect(spelled(text)).toBe(spelling)
  })

  test.each([
    ['$resourceTag:env = ‘dev’', "$resourceTags:env = 'dev'"],
    ['$principalTag:env = “dev”', "$principalTags:env = 'dev'"],
    ['$resourceTags:env IN (‘stage’, ’prod’)', "$resourceTags:env IN ('stage', 'prod')"],
    [
      '$resourceTag:note\u00a0=\u00a0"independence day promos"',
      "$resourceTags:note = 'independence day promos'",
    ],
  ])('is read in the spelling of documents, too: %s', (text, spelling) => {
    expect(spelled(text)).toBe(spelling)
  })

  test.each([
    ["'it''s'", "it's"],
    ['"say ""no"""', 'say "no"'],
    ['‘it’’s’', 'it’s'],
    ["'it’s'", 'it’s'],
    ["'a\\b'", 'a\\b'],
    ["''", ''],
    ['"😀"', '😀'],
  ])('holds the text %s, a quote in it written twice and a backslash once', (written, text) => {
    const literal: Literal = { of: 'text', text }
    expect(parsed(`${written} = 1`)).toMatchObject({ left: literal })
  })

  const variables: [string, Variable, string?][] = [
    ['$resourceTags:env', { of: 'resourceTags', key: 'env' }],
    ['$resourceTags:cost-centre.eu_1', { of: 'resourceTags', key: 'cost-centre.eu_1' }],
    ['$resourceTags:Größe', { of: 'resourceTags', key: 'Größe' }],
    ['$resourceTags:環境', { of: 'resourceTags', key: '環境' }],
    ['$resourceTags:and', { of: 'resourceTags', key: 'and' }],
    ["$resourceTags:'cost centre'", { of: 'resourceTags', key: 'cost centre' }],
    ['$resourceTags:"it\'s"', { of: 'resourceTags', key: "it's" }, "$resourceTags:'it''s'"],
    ['$resourceTags:aws:name', { of: 'resourceTags', key: 'aws:name' }],
    ["$resourceTags:'aws:name'", { of: 'resourceTags', key: 'aws:name' }, '$resourceTags:aws:name'],
    ["$resourceTags:'access-tag:GET:*'", { of: 'resourceTags', key: 'access-tag:GET:*' }],
    ["$resourceTags:'a:'", { of: 'resourceTags', key: 'a:' }],
    ['$principalTags:__proto__', { of: 'principalTags', key: '__proto__' }],
    ['$principal:id', { of: 'principal', name: 'id' }],
    ['$principal:organization', { of: 'principal', name: 'organization' }],
    ['$request:limit', { of: 'request', path: ['limit'] }],
    ['$request:body', { of: 'request', path: ['body'] }],
    ['$request:promo:value', { of: 'request', path: ['promo', 'value'] }],
    ['$request:query:limit', { of: 'request', path: ['limit'], from: 'query' }],
    ['$request:query:filter:status', { of: 'request', path: ['filter', 'status'], from: 'query' }],
    ['$request:path:id', { of: 'request', path: ['id'], from: 'path' }],
    ['$request:body:a:b', { of: 'request', path: ['a', 'b'], from: 'body' }],
    ["$request:'query':limit", { of: 'request', path: ['query', 'limit'] }],
    ["$request:body:'a b':'c:d'", { of: 'request', path: ['a b', 'c:d'], from: 'body' }],
    ['$request:constructor:__proto__', { of: 'request', path: ['constructor', '__proto__'] }],
  ]
  test.each(variables)('reads %s', (written, variable, spelling = written) => {
    expect(parsed(`${written}=1`)).toMatchObject({ left: variable })
    expect(spelled(`${written}=1`)).toBe(`${spelling} = 1`)
  })
})

describe('what is not a condition is refused with its place and what to write', () => {
  test.each([
    ['', 0, /empty/, /leave it out/],
    [' \n', 0, /empty/, /leave it out/],
    ['$resourceTags:env = dev', 20, /^dev is not a word/, /'dev'/],
    ["$resourceTags:env LKE 'd%'", 18, /LKE/, /did you mean LIKE\?/],
    ["$resourceTag:env ıN ('d')", 17, /ıN/, /IN/],
    ["$resourcetags:env = 'd'", 0, /\$resourcetags/, /did you mean \$resourceTags\?/],
    ["$user:id = 'd'", 0, /\$user/, /\$resourceTags, \$principalTags, \$request or \$principal/],
    ["$principal:organisation = 'd'", 0, /'organisation'/, /did you mean organization\?/],
    ["$principal:role = 'd'", 0, /'role'/, /\$principalTags/],
    ["$resourceTags = 'd'", 0, /no name/, /\$resourceTags:env/],
    ["$resourceTags: env = 'd'", 14, /name is missing/, /quotes/],
    ["$resourceTags:a/b = 'd'", 15, /\//, /\$resourceTags:'a\/b'/],
    ["$resourceTags:'' = 'd'", 14, /name is missing/, /quotes/],
    ["$request:path:a:'b c' = 'd'", 0, /one name/, /\$request:body:path:a:'b c'/],
    ["$resourceTags:env == 'd'", 18, /==/, /one =/],
    ["$resourceTags:env = 'd' && 1 = 1", 24, /&/, /AND/],
    ["$resourceTags:env ≠ 'd'", 18, /≠/, /!=/],
    ['!(1 = 1)', 0, /!/, /NOT/],
    ["$resourceTags:env = 'd", 20, /not closed/, /'/],
    ['$resourceTags:env = ‘d', 20, /not closed/, /’/],
    ['$resourceTags:env = NULL', 20, /NULL/, /IS NULL/],
    ['$resourceTags:env IS 5', 21, /NULL should stand here, not 5/, /IS NOT NULL/],
    ["$resourceTags:env 'd'", 18, /a comparison should stand here, not 'd'/, /=/],
    ['$resourceTags:env', 17, /not the end/, /=/],
    ["1 = 1 $principal:id = 'd'", 6, /AND, OR or the end/, /AND or OR/],
    ['(1 = 1', 6, /\)/, /close/],
    ['1 = 1)', 5, /AND, OR or the end/, /AND or OR/],
    ['1 = 1 = 1', 6, /AND, OR or the end/, /AND or OR/],
    ['NOT NOT 1 = 1', 4, /variable/, /\$resourceTags/],
    ["$principal:id IN 'd'", 17, /a list/, /parentheses/],
    ['$principal:id IN ()', 18, /TRUE or FALSE|variable, a text/, /'dev'/],
    ["$principal:id IN ('d' 'e')", 22, /, or \)/, /commas/],
    ["$principal:id IN ('d', $principalTags:a)", 23, /a text, a number/, /OR/],
    ["$principal:id LIKE 'a%b'", 19, /% may stand only at an end/, /\\%/],
    ["$principal:id LIKE 'a\\b'", 19, /backslash/, /\\\\/],
    ['$principal:id LIKE 5', 19, /pattern/, /quotes/],
    ["$request:n < 'abc'", 13, /< compares numbers, and 'abc'/, /=, IN or LIKE/],
    ["'abc' >= $request:n", 0, />= compares numbers/, /=, IN or LIKE/],
    ['$request:n < TRUE', 13, /truth value/, /number/],
    ["$request:n BETWEEN 1 AND 'z'", 25, /BETWEEN compares numbers/, /number/],
    ['$request:n BETWEEN 1 OR 2', 21, /AND should stand here/, /BETWEEN 1 AND 10/],
    ['$request:n = 007', 13, /007 is not a number/, /'007'/],
    ['$request:n = 10MB', 13, /10MB/, /'10MB'/],
    ['$request:n = .5', 13, /\.5/, /-0\.5/],
    ['$request:n = +5', 13, /\+5/, /7/],
    ['$request:n = 1e1234567890', 13, /1e1234567890/, /1e3/],
    ["$principal:id = 'a\u0000b'", 18, /U\+0000/, /take it out/],
    ["$principal:id = '\ud83d'", 17, /U\+D83D/, /take it out/],
    ["$principal:id = '\u202e'", 17, /U\+202E/, /take it out/],
  ] as const)('%j', (text, offset, message, fix) => {
    const [first] = faults(text)
    expect(first).toMatchObject({ offset })
    expect(first?.message).toMatch(message)
    expect(first?.fix).toMatch(fix)
  })

  test('all at once, where reading can go on', () => {
    const text = "$principal:role = 1 OR $usr:id LIKE 'a%b' OR $request:n < 'x'"
    expect(faults(text).map(({ offset }) => offset)).toEqual([0, 23, 36, 58])
    // In the order of the text, though that the first operand is no number is seen last.
    expect(faults("'x' < $principal:role").map(({ offset }) => offset)).toEqual([0, 6])
    expect(faults(Array(100).fill('$principal:role = 1').join(' OR '))).toHaveLength(10)
  })
})

describe('the limits of a condition', () => {
  const literal = (bytes: number) => `1 = '${'x'.repeat(bytes - 6)}'`

  test(`${conditionBytesMax} bytes of UTF-8, as it is written and as it is spelled`, () => {
    expect(faults(literal(conditionBytesMax))).toEqual([])
    expect(faults(literal(conditionBytesMax + 1))[0]?.message).toMatch(/longer than 4096 bytes of UTF-8$/)
    const half = 'é'.repeat(conditionBytesMax / 2 - 3)
    expect(faults(`1 = '${half}'`)).toEqual([])
    expect(faults(`1 = '${half}é'`)).toHaveLength(1)
    // Each comparison is spelled two characters longer than it is written.
    const short = Array(580).fill('1=1').join(' OR ')
    expect(short.length).toBeLessThan(conditionBytesMax)
    expect(faults(short)[0]?.message).toMatch(/with a space around each sign/)
  })

  test(`${conditionDepthMax} open parentheses`, () => {
    const nested = (depth: number) => `${'('.repeat(depth)}1 = 1${')'.repeat(depth)}`
    expect(faults(nested(conditionDepthMax))).toEqual([])
    expect(faults(nested(conditionDepthMax + 1))[0]).toMatchObject({ offset: conditionDepthMax })
    expect(faults('('.repeat(conditionBytesMax))).toHaveLength(1)
    expect(faults('NOT('.repeat(1000))).toHaveLength(1)
  })

  test(`${conditionListMax} values of a list`, () => {
    const list = (size: number) => `1 IN (${Array(size).fill('1').join(', ')})`
    expect(faults(list(conditionListMax))).toEqual([])
    expect(faults(list(conditionListMax + 1))).toMatchObject([{ offset: 5 }])
  })
})

describe('reading a condition', () => {
  /** How often reading looks at a character of the text. */
  function looks(text: string): number {
    const spies = [vi.spyOn(String.prototype, 'codePointAt'), vi.spyOn(String.prototype, 'charCodeAt')]
    try {
      parseCondition(text)
      return spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
    } finally {
      for (const spy of spies) spy.mockRestore()
    }
  }

  test.each([
    [
      'parentheses',
      (n: number) => `${'('.repeat(30)}${Array(n).fill('1 = 1').join(' OR ')}${')'.repeat(30)}`,
    ],
    ['open parentheses', (n: number) => '('.repeat(10 * n)],
    [
      'a list',
      (n: number) =>
        `1 IN (${Array(4 * n)
          .fill('1')
          .join(', ')})`,
    ],
    ['quotes', (n: number) => `1 = '${"''".repeat(5 * n)}'`],
    ['an open quote', (n: number) => `1 = '${"''".repeat(5 * n)}`],
    ['a long name', (n: number) => `$request:${'a:'.repeat(5 * n)}a = 1`],
    ['a long word', (n: number) => 'a'.repeat(10 * n)],
    ['a long number', (n: number) => `1 = ${'1'.repeat(10 * n)}`],
    ['comparisons', (n: number) => Array(n).fill('$request:a = 1').join(' AND ')],
    ['wildcards', (n: number) => `'a' LIKE '${'\\%'.repeat(5 * n)}'`],
    ['spaces', (n: number) => `1${' '.repeat(10 * n)}= 1`],
  ])('looks at each character a bounded number of times: %s', (_, make) => {
    const [short, long] = [make(100), make(200)]
    const perCharacter = looks(long) / long.length
    expect(perCharacter).toBeLessThan(8)
    expect(perCharacter).toBeLessThan(1.05 * (looks(short) / short.length) + 0.05)
  })
})

/** Texts and names of any characters that a condition may hold. */
const anyText = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .map((text) => text.toWellFormed().replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '_'))
const anyName = fc.oneof(
  anyText.filter((name) => name !== ''),
  fc.constantFrom('__proto__', 'constructor', 'body', 'query', 'path', 'a:b', ':', "it's", 'and', 'null'),
)
const anyLiteral: fc.Arbitrary<Literal> = fc.oneof(
  anyText.map((text): Literal => ({ of: 'text', text })),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n): Literal => ({ of: 'number', text: `${n}` })),
  fc.boolean().map((value): Literal => ({ of: 'boolean', value })),
)
const anyVariable: fc.Arbitrary<Variable> = fc.oneof(
  fc.record({ of: fc.constantFrom('resourceTags', 'principalTags'), key: anyName }),
  fc.record({ of: fc.constant('request'), path: fc.array(anyName, { minLength: 1, maxLength: 3 }) }),
  fc.record({
    of: fc.constant('request'),
    path: fc.tuple(anyName),
    from: fc.constantFrom('path', 'query', 'body'),
  }),
)
const anyCondition = conditions(predicates(anyVariable, anyLiteral))

describe('whatever the text', () => {
  /** What a text is answered with, and that it is one of the two answers. */
  function answers(text: string): void {
    const answer = parseCondition(text)
    if ('faults' in answer) {
      expect(answer.faults.length).toBeGreaterThan(0)
      for (const { offset, message, fix } of answer.faults) {
        expect(offset).toBeGreaterThanOrEqual(0)
        expect(offset).toBeLessThanOrEqual(text.length)
        expect([message.isWellFormed(), fix.isWellFormed()]).toEqual([true, true])
      }
      return
    }
    const printed = printCondition(answer.condition)
    expect(parseCondition(printed)).toEqual(answer)
    expect(spelled(printed)).toBe(printed)
  }

  test('what is printed reads as the same tree', () => {
    const any = fc.oneof(anyCondition, fewConditions)
    fc.assert(
      fc.property(any, (condition) => {
        const printed = printCondition(condition)
        fc.pre(new TextEncoder().encode(printed).length <= conditionBytesMax)
        expect(parsed(printed)).toEqual(condition)
      }),
      { numRuns: 2000 },
    )
  })

  test('its one spelling is at most three times as long, so that a short one need not be spelled to be measured', () => {
    const tight = (printed: string) => printed.replace(/ ?([=<>!,()]+|AND|OR|NOT|IN) ?/g, '$1')
    fc.assert(
      fc.property(anyCondition, (condition) => {
        const written = tight(printCondition(condition))
        const answer = parseCondition(written)
        if ('faults' in answer) return
        expect(printCondition(answer.condition).length).toBeLessThanOrEqual(3 * written.length)
      }),
      { numRuns: 500 },
    )
  })

  test('it is answered, never thrown at: random characters', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), answers), { numRuns: 2000 })
    // Half characters, too.
    const units = fc.array(fc.nat(0xffff), { maxLength: 50 }).map((codes) => String.fromCharCode(...codes))
    fc.assert(fc.property(units, answers), { numRuns: 1000 })
  })

  const pieces =
    "( ) , = != <> < <= > >= 'a' \"b\" ' ‘ ’ $resourceTags:env $resourceTag: $request:body:a $ : % \\ "
      .concat(
        'AND OR NOT IN LIKE BETWEEN IS NULL TRUE FALSE 1 -1 1.5 1e9 007 __proto__ . - + ! ; \u0000 \ud800 é 環',
      )
      .split(' ')

  test('it is answered, never thrown at: pieces of conditions in any order', () => {
    const texts = fc.tuple(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), fc.constantFrom('', ' '))
    fc.assert(
      fc.property(texts, ([some, between]) => answers(some.join(between))),
      { numRuns: 3000 },
    )
  })

  test('it is answered, never thrown at: conditions with something taken out, put in or doubled', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(6), fc.constantFrom(...pieces)), { maxLength: 4 })
    fc.assert(
      fc.property(anyCondition, changes, (condition, edits) => {
        let text = printCondition(condition)
        for (const [chance, taken, put] of edits) {
          const at = chance % (text.length + 1)
          text = text.slice(0, at) + put + text.slice(at + taken)
        }
        answers(text)
      }),
      { numRuns: 3000 },
    )
  })
})
