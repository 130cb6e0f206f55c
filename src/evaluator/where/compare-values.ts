import type { ConditionValue } from './condition-facts.ts'
import { compareDecimals, type Decimal, decimalOf, exactDigitsMax } from './decimal.ts'
import { foldTag } from './fold-tag.ts'

/** The number that a value is, if it is one: a text is, if it is written like one. */
export function decimalOfValue(value: ConditionValue): Decimal | undefined {
  switch (typeof value) {
    case 'string':
      return decimalOf(value)
    case 'number':
      return decimalOf(String(value))
    case 'boolean':
      return undefined
    default:
      return value
  }
}

/** Negative, zero or positive, as `a` is less than, equal to or greater than `b`; NaN if one of them is no number. */
export function compareNumbers(a: ConditionValue, b: ConditionValue): number {
  // Nothing is made for the common case.
  const difference = exactWhole(a) - exactWhole(b)
  if (!Number.isNaN(difference)) return difference
  const [first, second] = [decimalOfValue(a), decimalOfValue(b)]
  return first === undefined || second === undefined ? Number.NaN : compareDecimals(first, second)
}

function exactWhole(value: ConditionValue): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : Number.NaN
  if (typeof value === 'string') return wholeOfText(value)
  return typeof value === 'object' ? value.whole : Number.NaN
}

/** A short whole number, such as `decimalOf` reads it; NaN for any other text, numbers included. */
function wholeOfText(text: string): number {
  const { length } = text
  const leading = text.charCodeAt(0)
  if (length === 0 || length > exactDigitsMax || (leading === 0x30 && length > 1)) return Number.NaN
  let whole = 0
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    whole = whole * 10 + digit
  }
  return whole
}

/**
 * Whether two values are the same: texts letter by letter, but where one of them is a number of the request, both as
 * numbers, and a truth value is the text `true` or `false`.
 */
export function isSame(a: ConditionValue, b: ConditionValue): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b
  if (typeof a === 'boolean' || typeof b === 'boolean') return String(a) === String(b)
  return compareNumbers(a, b) === 0
}

/** The same where one side is a folded tag. */
export function isSameTag(value: ConditionValue, tag: ConditionValue): boolean {
  return typeof value === 'string' ? foldTag(value) === tag : isSame(value, tag)
}
