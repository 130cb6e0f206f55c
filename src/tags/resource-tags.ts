import { z } from 'zod'
import { DomainError } from '../errors.ts'
import { methods, type Tags } from '../evaluator/model.ts'
import { foldTag } from '../evaluator/where/fold-tag.ts'
import { parseId } from '../ids.ts'
import { jsonPointer } from '../json-text.ts'
import {
  areDifferentTags,
  isReservedTagKey,
  tagKeyLengthMax,
  tagKeysMax,
  tagsBytes,
  tagText,
  tagValueLengthMax,
  tagValuesMax,
} from '../services/principal-tags.ts'
import type { Service } from '../services/service.ts'
import { anyone, isAccessTagKey } from './resource.ts'

/** Of a resource's tags, as JSON: guards keep those of many resources. */
const resourceTagsBytesMax = 32_768

/** `access-tag:<METHOD|*>:<path suffix|*>`: the values are the organizations that may. */
const accessTag = new RegExp(`^access-tag:(?:\\*|${methods.join('|')}):(?:\\*|/\\S*)$`)

/** The tags of a resource, as they are sent. */
export const resourceTags = z
  .record(
    tagText(tagKeyLengthMax).refine(
      (key) => !isReservedTagKey(key) || accessTag.test(key),
      'is reserved: an access tag is access-tag:<METHOD or *>:</path suffix or *>, and latchkey: is written by Latchkey alone',
    ),
    z.array(tagText(tagValueLengthMax)).min(1).max(tagValuesMax),
  )
  .refine((given) => Object.keys(given).length <= tagKeysMax, `has more than ${tagKeysMax} keys`)
  .refine((given) => areDifferentTags(Object.keys(given)), 'has a key twice: keys compare without case')
  .refine(
    (given) => Object.values(given).every(areDifferentTags),
    'has a value twice: values compare without case',
  )
  .refine((given) => tagsBytes(given) <= resourceTagsBytesMax, `is longer than ${resourceTagsBytesMax} bytes`)
  .refine(
    (given) =>
      accessValues(given).every(([, value]) => value === anyone || parseId('org', value) !== undefined),
    'has an access tag whose value is no organization (org_…) and not *',
  )
  .describe(
    'Keys with one or more values each; both compare without case. `access-tag:<METHOD|*>:<path suffix|*>` shares ' +
      'the resource with the organizations that are its values.',
  )

function accessValues(tags: Tags): readonly (readonly [key: string, value: string])[] {
  return Object.entries(tags).flatMap(([key, values]) =>
    isAccessTagKey(key) ? values.map((value) => [key, value] as const) : [],
  )
}

/**
 * Sharing with anybody needs the leave of the service's owner.
 * @throws {DomainError} `tag_not_grantable`
 */
export function checkSharing({ model, slug }: Service, tags: Tags): void {
  if (model.sharedWithAnyone === true) return
  const open = accessValues(tags).find(([, value]) => value === anyone)
  if (open === undefined) return
  const detail = `the owner of ${slug} does not let resources be shared with anyone`
  throw new DomainError('tag_not_grantable', detail, {
    fix: 'name the organizations instead of *',
    faults: [{ pointer: `/tags${jsonPointer(open[0])}`, detail }],
  })
}

/** Tags that Latchkey wrote stay, whatever an organization writes. */
export function withKeptTags(wanted: Tags, before: Tags): Tags {
  const kept = Object.entries(before).filter(([key]) => foldTag(key).startsWith('latchkey:'))
  return { ...wanted, ...Object.fromEntries(kept) }
}
