import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareDecimals, type Decimal, decimalKey, decimalOf } from '../../../src/evaluator/where/decimal.ts'

function read(text: string): Decimal {
  const decimal = decimalOf(text)
  if (decimal === undefined) throw new Error(`${text} is not a number`)
  return decimal
}

describe('a number', () => {
  test.each([
    '',
    '-',
    '+7',
    '007',
    '-01',
    '.5',
    '5.',
    '1e',
    '1e+',
    '1e1234567890',
    ' 1',
    '1 ',
    '0x1',
    '1_0',
    '٣',
    '1,5',
    'NaN',
    'Infinity',
    '1\u0000',
  ])('is one of JSON, which %j is not', (text) => {
    expect(decimalOf(text)).toBeUndefined()
  })

  test.each([
    ['9007199254740993', '9007199254740992', 1],
    ['10.0000000000000000000000000001', '10', 1],
    ['0.1', '0.10', 0],
    ['-0', '0', 0],
    ['0e999999999', '-0.0', 0],
    ['1e3', '1000', 0],
    ['12.5E-1', '1.25', 0],
    ['-2', '-10', 1],
    ['-1e-999999999', '0', -1],
    ['1e999999999', '9e999999998', 1],
    ['0.09', '0.1', -1],
  ])('compares exactly: %s with %s', (a, b, sign) => {
    expect(Math.sign(compareDecimals(read(a), read(b)))).toBe(sign)
    expect(Math.sign(compareDecimals(read(b), read(a)))).toBe(sign === 0 ? 0 : -sign)
    expect(decimalKey(read(a)) === decimalKey(read(b))).toBe(sign === 0)
  })

  test('of any length compares as whole numbers do, the point moved', () => {
    const places = fc.nat(30)
    const digits = fc.bigInt(-(10n ** 40n), 10n ** 40n)
    fc.assert(
      fc.property(digits, fc.oneof(digits, fc.bigInt(-3n, 3n)), places, (a, difference, scale) => {
        const written = (value: bigint) => read(`${value}e-${scale}`)
        const b = a + difference
        const sign = a < b ? -1 : a > b ? 1 : 0
        expect(Math.sign(compareDecimals(written(a), written(b)))).toBe(sign)
      }),
      { numRuns: 1000 },
    )
  })
})
