import type { Fault } from '../errors.ts'
import { nearest } from '../evaluator/nearest.ts'
import { jsonPointer } from '../json-text.ts'
import { isObject } from './json-value.ts'
import { stepUpKey } from './read-step-up.ts'

/** The extensions that are read, by where they may stand. */
const known = {
  root: ['x-latchkey-roles', 'x-latchkey-strict-paths'],
  'path item or operation': ['x-latchkey-organization', 'x-latchkey-resource', stepUpKey],
  parameter: ['x-latchkey-encoded-slash', 'x-latchkey-multi-segment'],
} as const

/** Of the resources' part, which guards do not look at yet: accepted, and said so. */
const unused = ['x-latchkey-namespace', 'x-latchkey-creates']

/** A misspelt extension would leave out a check without a word, so unknown ones of this product's prefix are refused. */
export function extensionFaults(
  value: unknown,
  where: keyof typeof known,
  place: string,
): { readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] } {
  const names: readonly string[] = known[where]
  const own = isObject(value) ? Object.keys(value).filter((key) => key.startsWith('x-latchkey-')) : []
  const isUnused = (key: string) => where === 'path item or operation' && unused.includes(key)
  return {
    faults: own
      .filter((key) => !names.includes(key) && !isUnused(key))
      .map((key) => ({
        pointer: place + jsonPointer(key),
        detail: `${key} is not known at a ${where}`,
        fix: `did you mean ${nearest(key, names) ?? names.join(' or ')}?`,
      })),
    warnings: own
      .filter(isUnused)
      .map((key) => ({ pointer: place + jsonPointer(key), detail: `${key} has no effect yet` })),
  }
}
