import { z } from 'zod'
import { DomainError } from '../errors.ts'
import type { Tags } from '../evaluator/model.ts'
import { foldTag } from '../evaluator/where/fold-tag.ts'
import { jsonPointer } from '../json-text.ts'
import type { Giver } from './giving.ts'

/** Tags of a principal: keys with one or more values each. */
export type PrincipalTags = Tags

export const tagKeysMax = 50
export const tagKeyLengthMax = 127
export const tagValueLengthMax = 255
export const tagValuesMax = 50

/** Of a principal's tags, as JSON: they travel in every token, and a guard reads none that is longer than 8 KiB. */
export const principalTagsBytesMax = 3_072

/** Access tags belong to resources, and `latchkey:` is written by Latchkey alone. */
export function isReservedTagKey(key: string): boolean {
  return /^(latchkey|access-tag):/.test(foldTag(key))
}

/** Text that a tag may have. */
export function tagText(lengthMax: number) {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .refine(
      (text) => text.trim() === text && !/\p{C}/u.test(text),
      'has spaces around it, or a character that is not shown',
    )
}

/** A key that people may write: not one of those that mean something of their own. */
export const plainTagKey = tagText(tagKeyLengthMax).refine(
  (key) => !isReservedTagKey(key),
  'is reserved: access tags and tags of Latchkey are not given so',
)

/** As the wire has them. */
export const principalTags = z
  .record(plainTagKey, z.array(tagText(tagValueLengthMax)).min(1).max(tagValuesMax))
  .refine((given) => Object.keys(given).length <= tagKeysMax, `has more than ${tagKeysMax} keys`)
  .refine((given) => areDifferentTags(Object.keys(given)), 'has a key twice: keys compare without case')
  .refine(
    (given) => Object.values(given).every(areDifferentTags),
    'has a value twice: values compare without case',
  )
  .refine(
    (given) => tagsBytes(given) <= principalTagsBytesMax,
    `is longer than ${principalTagsBytesMax} bytes: tags travel in every token`,
  )
  .describe('Keys with one or more values each; both compare without case.')

/** Whether each compares as another than all the others. */
export function areDifferentTags(texts: readonly string[]): boolean {
  return new Set(texts.map(foldTag)).size === texts.length
}

export function tagsBytes(tags: Tags): number {
  return Buffer.byteLength(JSON.stringify(tags))
}

export const TagsBody = z.record(z.string(), z.array(z.string()))

/** The wire's own copy, which may be changed. */
export function presentTags(tags: PrincipalTags): Record<string, string[]> {
  return Object.fromEntries(Object.entries(tags).map(([key, values]) => [key, [...values]]))
}

/**
 * The one rule for giving, for tags, which decide as roles do: without the operation that grants roles nobody gives a
 * value that they do not hold themselves.
 * @param held what is there already, and so is not given
 * @throws {DomainError} `tag_not_grantable`
 */
export function checkGivingTags(giver: Giver, wanted: Tags, held: Tags): void {
  if (giver.mayGrantRoles) return
  const own = pairsOf(giver.tags ?? {})
  const before = pairsOf(held)
  for (const [key, values] of Object.entries(wanted))
    if (values.some((value) => !own.has(pair(key, value)) && !before.has(pair(key, value))))
      throw new DomainError('tag_not_grantable', `the tag ${key} cannot be given by you`, {
        fix: 'ask somebody who may grant roles',
        faults: [
          { pointer: `/tags${jsonPointer(key)}`, detail: 'has a value that you do not hold yourself' },
        ],
      })
}

function pairsOf(tags: Tags): ReadonlySet<string> {
  return new Set(Object.entries(tags).flatMap(([key, values]) => values.map((value) => pair(key, value))))
}

/** No tag has a control character in it, so that none reads as another. */
function pair(key: string, value: string): string {
  return `${foldTag(key)}\t${foldTag(value)}`
}
