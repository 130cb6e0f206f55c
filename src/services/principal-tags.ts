import { z } from 'zod'
import { DomainError } from '../errors.ts'
import { jsonPointer } from '../json-text.ts'
import type { Giver } from './giving.ts'

/** Tags of a principal: keys with one or more values each. */
export type PrincipalTags = Readonly<Record<string, readonly string[]>>

export const tagKeysMax = 50
export const tagValuesMax = 50

/** Keys and values of tags compare without case. */
export function foldTag(text: string): string {
  return text.toUpperCase().toLowerCase()
}

/** Access tags belong to resources, and `latchkey:` is written by Latchkey alone. */
export function isReservedTagKey(key: string): boolean {
  return /^(latchkey|access-tag):/.test(foldTag(key))
}

function tagText(lengthMax: number) {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .refine(
      (text) => text.trim() === text && !/\p{C}/u.test(text),
      'has spaces around it, or a character that is not shown',
    )
}

/** As the wire has them. */
export const principalTags = z
  .record(
    tagText(127).refine(
      (key) => !isReservedTagKey(key),
      'is reserved: access tags and tags of Latchkey are not given so',
    ),
    z.array(tagText(255)).min(1).max(tagValuesMax),
  )
  .refine((given) => Object.keys(given).length <= tagKeysMax, `has more than ${tagKeysMax} keys`)
  .refine((given) => areDifferent(Object.keys(given)), 'has a key twice: keys compare without case')
  .refine(
    (given) => Object.values(given).every(areDifferent),
    'has a value twice: values compare without case',
  )
  .describe('Keys with one or more values each; both compare without case.')

function areDifferent(texts: readonly string[]): boolean {
  return new Set(texts.map(foldTag)).size === texts.length
}

/** The wire's own copy, which may be changed. */
export function presentTags(tags: PrincipalTags): Record<string, string[]> {
  return Object.fromEntries(Object.entries(tags).map(([key, values]) => [key, [...values]]))
}

/**
 * Tags decide as roles do, so without the operation that grants roles nobody gives a value that is not there already.
 * @throws {DomainError} `tag_not_grantable`
 */
export function checkGivingTags(giver: Giver, wanted: PrincipalTags, held: PrincipalTags): void {
  if (giver.mayGrantRoles) return
  for (const [key, values] of Object.entries(wanted))
    if (values.some((value) => !(held[key] ?? []).includes(value)))
      throw new DomainError('tag_not_grantable', `the tag ${key} cannot be given by you`, {
        fix: 'ask somebody who may grant roles',
        faults: [{ pointer: `/tags${jsonPointer(key)}`, detail: 'is not yours to give' }],
      })
}
