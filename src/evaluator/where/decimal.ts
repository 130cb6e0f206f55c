/** A number by its decimal digits, so that two compare exactly, however long they are. Made by `decimalOf` alone. */
export interface Decimal {
  readonly sign: -1 | 0 | 1
  /** The value is `sign × 0.digits × 10^scale`; the digits neither begin nor end with 0, and zero has none. */
  readonly digits: string
  readonly scale: number
  /** The number itself where a `number` holds it exactly and it is whole, to compare by it; else NaN. */
  readonly whole: number
}

const zeroDigit = 0x30
const nineDigit = 0x39
const minus = 0x2d
const plus = 0x2b
const point = 0x2e
const lowerE = 0x65
const upperE = 0x45
/** Enough for any number that means something, and the scale stays exact. */
const exponentDigitsMax = 9
/** Whole numbers of no more digits are exact in a `number`. */
export const exactDigitsMax = 15

/** The number that a text is: one of JSON (RFC 8259 §6), so neither `007` nor `+7` nor `.5`, and no space about it. */
export function decimalOf(text: string): Decimal | undefined {
  const isNegative = text.charCodeAt(0) === minus
  const start = isNegative ? 1 : 0
  const wholeEnd = digitsEnd(text, start)
  if (wholeEnd === start || (wholeEnd > start + 1 && text.charCodeAt(start) === zeroDigit)) return undefined
  const hasFraction = text.charCodeAt(wholeEnd) === point
  const end = hasFraction ? digitsEnd(text, wholeEnd + 1) : wholeEnd
  if (hasFraction && end === wholeEnd + 1) return undefined
  const exponent = exponentOf(text, end)
  if (exponent === undefined) return undefined
  const digits = text.slice(start, wholeEnd) + text.slice(wholeEnd + 1, end)
  return normal(isNegative, digits, wholeEnd - start + exponent)
}

/** A different text for each different number, and the same for the same. */
export function decimalKey({ sign, digits, scale }: Decimal): string {
  return `${sign}.${digits}e${scale}`
}

/** Negative, zero or positive, as `a` is less than, equal to or greater than `b`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.sign !== b.sign) return a.sign - b.sign
  if (a.scale !== b.scale) return a.sign * (a.scale - b.scale)
  if (a.digits === b.digits) return 0
  // Without zeros at either end, digits after the point stand in the order of their text.
  return a.digits < b.digits ? -a.sign : a.sign
}

function normal(isNegative: boolean, digits: string, scale: number): Decimal {
  let start = 0
  while (digits.charCodeAt(start) === zeroDigit) start++
  if (start === digits.length) return zero
  let end = digits.length
  while (digits.charCodeAt(end - 1) === zeroDigit) end--
  const significant = digits.slice(start, end)
  const sign = isNegative ? -1 : 1
  return { sign, digits: significant, scale: scale - start, whole: sign * whole(significant, scale - start) }
}

const zero: Decimal = Object.freeze({ sign: 0, digits: '', scale: 0, whole: 0 })

function whole(digits: string, scale: number): number {
  return scale < digits.length || scale > exactDigitsMax ? Number.NaN : Number(digits.padEnd(scale, '0'))
}

function digitsEnd(text: string, start: number): number {
  let end = start
  while (isDigit(text.charCodeAt(end))) end++
  return end
}

function isDigit(code: number): boolean {
  return code >= zeroDigit && code <= nineDigit
}

/** What follows the digits: nothing, which is 0, or an exponent. `undefined` if it is something else. */
function exponentOf(text: string, start: number): number | undefined {
  if (start === text.length) return 0
  const letter = text.charCodeAt(start)
  if (letter !== lowerE && letter !== upperE) return undefined
  const sign = text.charCodeAt(start + 1)
  const digitsAt = sign === minus || sign === plus ? start + 2 : start + 1
  const end = digitsEnd(text, digitsAt)
  if (end !== text.length || end === digitsAt || end - digitsAt > exponentDigitsMax) return undefined
  const size = Number(text.slice(digitsAt))
  return sign === minus ? -size : size
}
