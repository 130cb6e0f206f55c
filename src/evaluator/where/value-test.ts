import { compareNumbers, decimalOfValue } from './compare-values.ts'
import type { Literal } from './condition.ts'
import type { ConditionValue } from './condition-facts.ts'
import { type Decimal, decimalKey, decimalOf } from './decimal.ts'
import { finderOf } from './find-text.ts'
import { foldTag } from './fold-tag.ts'
import type { Truth } from './truth.ts'

/** Numbers from one bound to another; a bound that is absent is no bound. */
export interface Interval {
  readonly low?: Bound
  readonly high?: Bound
}

export interface Bound {
  readonly at: Decimal
  /** The bound itself is within. */
  readonly closed: boolean
}

/** What one value may be asked: all that conditions ask of a variable alone. */
export type Test =
  | { readonly kind: 'one_of'; readonly literals: readonly Literal[] }
  | { readonly kind: 'like'; readonly text: string; readonly match: 'whole' | 'start' | 'end' | 'anywhere' }
  | { readonly kind: 'within'; readonly interval: Interval }

/** The text that `=`, `IN` and `LIKE` compare: that of a number is how the condition writes it. */
export function textOf(literal: Literal): string {
  return literal.of === 'boolean' ? String(literal.value) : literal.text
}

/** The number that a literal is, if it is one. A text in quotes is one, too, if it is written like one. */
export function numberOf(literal: Literal): Decimal | undefined {
  return literal.of === 'boolean' ? undefined : decimalOf(literal.text)
}

/** What one value comes out as. */
export type ValueTest = (value: ConditionValue) => Truth

/** How texts are compared: as they are, or, where the values are those of tags and come folded, without letter case. */
export type Spelling = 'exact' | 'folded'

/** A test of one value, all that can be worked out beforehand done. */
export function valueTest(test: Test, spelling: Spelling): ValueTest {
  switch (test.kind) {
    case 'one_of':
      return spelling === 'folded' ? oneOfFolded(test.literals) : oneOf(test.literals)
    case 'like': {
      const matches = matcher(test.match, spelling === 'folded' ? foldTag(test.text) : test.text)
      // A number of JSON has no one text.
      return (value) => (typeof value === 'string' ? truth(matches(value)) : 'unknown')
    }
    case 'within':
      return within(test.interval)
    default:
      throw new Error(`unknown test: ${test satisfies never}`)
  }
}

function truth(holds: boolean): Truth {
  return holds ? 'true' : 'false'
}

function oneOfFolded(literals: readonly Literal[]): ValueTest {
  const texts = new Set(literals.map((literal) => foldTag(textOf(literal))))
  const [only] = texts
  return texts.size === 1
    ? (value) => truth(value === only)
    : (value) => truth(typeof value === 'string' && texts.has(value))
}

/** The value's type says how: a text equals a text, a number a number however it is written, a truth value its name. */
function oneOf(literals: readonly Literal[]): ValueTest {
  const texts = new Set(literals.map(textOf))
  const numbers = new Set(literals.flatMap((literal) => numberOf(literal) ?? []).map(decimalKey))
  return (value) => {
    if (typeof value === 'string') return truth(texts.has(value))
    if (typeof value === 'boolean') return truth(texts.has(value ? 'true' : 'false'))
    if (numbers.size === 0) return 'false'
    const decimal = decimalOfValue(value)
    return truth(decimal !== undefined && numbers.has(decimalKey(decimal)))
  }
}

function matcher(match: 'whole' | 'start' | 'end' | 'anywhere', text: string): (value: string) => boolean {
  switch (match) {
    case 'whole':
      return (value) => value === text
    case 'start':
      return (value) => value.startsWith(text)
    case 'end':
      return (value) => value.endsWith(text)
    case 'anywhere':
      return finderOf(text)
    default:
      throw new Error(`unknown match: ${match satisfies never}`)
  }
}

function within({ low, high }: Interval): ValueTest {
  return (value) => {
    if (low !== undefined) {
      const above = compareNumbers(value, low.at)
      if (Number.isNaN(above)) return 'unknown'
      if (above < 0 || (above === 0 && !low.closed)) return 'false'
    }
    if (high === undefined) return 'true'
    const above = compareNumbers(value, high.at)
    if (Number.isNaN(above)) return 'unknown'
    return truth(above < 0 || (above === 0 && high.closed))
  }
}
