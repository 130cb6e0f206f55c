import type { Fault } from '../errors.ts'
import { nearest } from '../evaluator/nearest.ts'
import { jsonPointer } from '../json-text.ts'
import { isObject } from './json-value.ts'
import { createsKey, namespaceKey } from './read-resources.ts'
import { stepUpKey } from './read-step-up.ts'

/** The extensions that are read, by where they may stand. */
const known = {
  root: ['x-latchkey-roles', 'x-latchkey-strict-paths'],
  'path item or operation': [
    'x-latchkey-organization',
    'x-latchkey-resource',
    namespaceKey,
    createsKey,
    stepUpKey,
  ],
  parameter: ['x-latchkey-encoded-slash', 'x-latchkey-multi-segment'],
} as const

/** A misspelt extension would leave out a check without a word, so unknown ones of this product's prefix are refused. */
export function extensionFaults(value: unknown, where: keyof typeof known, place: string): readonly Fault[] {
  const names: readonly string[] = known[where]
  const own = isObject(value) ? Object.keys(value).filter((key) => key.startsWith('x-latchkey-')) : []
  return own
    .filter((key) => !names.includes(key))
    .map((key) => ({
      pointer: place + jsonPointer(key),
      detail: `${key} is not known at a ${where}`,
      fix: `did you mean ${nearest(key, names) ?? names.join(' or ')}?`,
    }))
}
