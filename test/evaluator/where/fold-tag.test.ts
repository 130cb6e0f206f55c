import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldTag } from '../../../src/evaluator/where/fold-tag.ts'

const codePoints = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => String.fromCodePoint(from + i))

/** Every character there is, but for halves of surrogate pairs. */
const characters = [...codePoints(0, 0xd800), ...codePoints(0xe000, 0x110000)]

describe('a tag without its letter case (Unicode simple case folding)', () => {
  test.each([
    ['PROD', 'prod'],
    ['ſ', 's'],
    ['\u212a', 'k'],
    ['\u212b', 'å'],
    ['ς', 'σ'],
    ['ΟΔΟΣ', 'οδος'],
    ['ẞ', 'ß'],
    ['µ', 'μ'],
    ['ǅ', 'ǆ'],
    ['Ꭰ', 'ꭰ'],
    ['ᏸ', 'Ᏸ'],
    ['\u1fd3', '\u0390'],
    ['ﬅ', 'ﬆ'],
    ['𐐀', '𐐨'],
  ])('%s is %s', (one, other) => {
    expect(foldTag(one)).toBe(foldTag(other))
  })

  test.each([
    ['ß', 'ss'],
    ['İ', 'i'],
    ['İ', 'i\u0307'],
    ['ı', 'i'],
    ['ﬀ', 'ff'],
    ['é', 'e\u0301'],
    ['ŉ', 'ʼn'],
  ])('%s is not %s', (one, other) => {
    expect(foldTag(one)).not.toBe(foldTag(other))
  })

  test('İ and ı are only themselves', () => {
    expect([foldTag('İ'), foldTag('ı')]).toEqual(['İ', 'ı'])
  })

  test("tells apart what the engine's own case-insensitive matching tells apart, and nothing else", () => {
    // ECMAScript matches `iu` by simple case folding (Canonicalize).
    const cased = characters.filter(
      (one) => one.toUpperCase() !== one || one.toLowerCase() !== one || foldTag(one) !== one,
    )
    const whole = cased.join('')
    const folds = new Map<string, string[]>()
    for (const one of cased) {
      const known = folds.get(foldTag(one)) ?? []
      folds.set(foldTag(one), [...known, one])
    }
    for (const one of cased) {
      const pattern = new RegExp(`\\u{${one.codePointAt(0)?.toString(16)}}`, 'giu')
      expect(whole.match(pattern)).toEqual(folds.get(foldTag(one)))
    }
  })

  test('character by character, whatever stands beside it; folded once is folded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(foldTag(a + b)).toBe(foldTag(a) + foldTag(b))
        expect(foldTag(foldTag(a))).toBe(foldTag(a))
      }),
    )
  })
})
