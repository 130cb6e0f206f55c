import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  anyName,
  parseFieldPattern,
  printFieldPattern,
} from '../../../src/evaluator/request/field-pattern.ts'

describe('a pattern of fields', () => {
  test.each([
    ['metadata', ['metadata']],
    ['nodeGroups.maxSize', ['nodeGroups', 'maxSize']],
    ['vpc.subnets.*', ['vpc', 'subnets', anyName]],
    ['a\\.b.c', ['a.b', 'c']],
    ['\\*.\\\\', ['*', '\\']],
    ['__proto__. x ', ['__proto__', ' x ']],
  ])('%s is read into its names', (written, steps) => {
    expect(parseFieldPattern(written)).toEqual({ pattern: steps })
  })

  test.each([
    ['', 'a name is missing'],
    ['a.', 'a name is missing'],
    ['.a', 'a name is missing'],
    ['a..b', 'a name is missing'],
    ['a*', '\\* where it is part'],
    ['**', '\\* where it is part'],
    ['a\\b', 'a backslash stands before'],
    ['a.b\\', 'a backslash stands before'],
    ['\\', 'a backslash stands before'],
    ['x'.repeat(513), 'at most 512 characters'],
    [Array.from({ length: 33 }, () => 'x').join('.'), 'at most 32 names'],
  ])('%s is refused, with what to write instead', (written, why) => {
    const read = parseFieldPattern(written)
    expect('pattern' in read ? '' : `${read.detail}; ${read.fix}`).toContain(why)
  })

  test('has one spelling, which reads as the same', () => {
    const name = fc.string({ minLength: 1, maxLength: 5, unit: fc.constantFrom('a', '.', '*', '\\', ' ') })
    const steps = fc.array(fc.oneof(name, fc.constant(anyName)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(steps, (pattern) => {
        expect(parseFieldPattern(printFieldPattern(pattern))).toEqual({ pattern })
      }),
    )
  })

  test('is read or refused, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '*', '\\') }), (written) => {
        const read = parseFieldPattern(written)
        if ('pattern' in read) expect(printFieldPattern(read.pattern)).toBe(written)
        else expect(read.fix).not.toBe('')
      }),
    )
  })
})
