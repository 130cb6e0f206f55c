import { describe, expect, test } from 'vitest'
import type { Tags } from '../../src/evaluator/model.ts'
import { checkGivingTags, principalTags, principalTagsBytesMax } from '../../src/services/principal-tags.ts'
import { granter, holderOf } from '../organizations/deployment.ts'

const holding = (tags: Tags) => ({ ...holderOf(), tags })
const refused = expect.objectContaining({ code: 'tag_not_grantable' })

describe('the rule for giving, for tags', () => {
  test('lets whoever may grant roles give any value', () => {
    expect(() => checkGivingTags(granter, { ward: ['north'] }, {})).not.toThrow()
  })

  test('lets others give what they hold themselves, and what is there already', () => {
    const giver = holding({ ward: ['north'] })
    expect(() => checkGivingTags(giver, { ward: ['north', 'south'] }, { ward: ['south'] })).not.toThrow()
    expect(() => checkGivingTags(giver, { ward: ['south'] }, {})).toThrow(refused)
    expect(() => checkGivingTags(giver, { floor: ['north'] }, {})).toThrow(refused)
    expect(() => checkGivingTags(holderOf(), { ward: ['north'] }, {})).toThrow(refused)
  })

  test('compares without case, as decisions do', () => {
    expect(() => checkGivingTags(holding({ Ward: ['NORTH'] }), { ward: ['north'] }, {})).not.toThrow()
  })

  test('says which tag it is', () => {
    const fault = { pointer: '/tags/a~1b', detail: 'has a value that you do not hold yourself' }
    expect(() => checkGivingTags(holderOf(), { 'a/b': ['x'] }, {})).toThrow(
      expect.objectContaining({ faults: [fault] }),
    )
  })
})

describe("a principal's tags", () => {
  test.each([
    ['two keys that differ only by case', { ward: ['a'], WARD: ['b'] }],
    ['two values that differ only by case', { ward: ['a', 'A'] }],
    ['a key without a value', { ward: [] }],
    ['an empty key', { '': ['a'] }],
    ['a key of 128 characters', { ['k'.repeat(128)]: ['a'] }],
    ['a value of 256 characters', { ward: ['v'.repeat(256)] }],
    ['51 keys', Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ['v']]))],
    ['a tag of Latchkey', { 'Latchkey:owner': ['a'] }],
    ['an access tag', { 'access-tag:GET:*': ['*'] }],
    ['a character that is not shown', { ward: ['a\u200b'] }],
    ['spaces around a value', { ward: [' a'] }],
    [
      'more than fits into a token',
      Object.fromEntries([...'abcdefghijklm'].map((k) => [k, ['v'.repeat(255)]])),
    ],
  ])('are refused with %s', (_name, tags) => {
    expect(principalTags.safeParse(tags).success).toBe(false)
  })

  test('of 50 keys, and of the longest key and value, are accepted', () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, ['v']]))
    expect(principalTags.parse(many)).toEqual(many)
    const long = { ['k'.repeat(127)]: ['v'.repeat(255)] }
    expect(principalTags.parse(long)).toEqual(long)
    expect(principalTagsBytesMax).toBeLessThan(8_192)
  })
})
