import fc from 'fast-check'
import { expect, test } from 'vitest'
import { finderOf } from '../../../src/evaluator/where/find-text.ts'

test('a text is found within another where the engine finds it, short or long', () => {
  let found = 0
  // Of two letters and repeated, so that much of the text nearly matches.
  const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 })
  const long = fc
    .array(fc.tuple(word, fc.integer({ min: 1, max: 200 })), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.map(([one, times]) => one.repeat(times)).join(''))
  fc.assert(
    fc.property(long, long, fc.nat(400), fc.nat(400), (text, other, start, size) => {
      for (const part of [other, text.slice(start, start + size)]) {
        const expected = `${text}${text}`.includes(part)
        if (expected && part.length * text.length > 100_000) found++
        expect(finderOf(part)(`${text}${text}`)).toBe(expected)
      }
    }),
    { numRuns: 1000 },
  )
  expect(found).toBeGreaterThan(50)
  expect(finderOf('')('')).toBe(true)
})
