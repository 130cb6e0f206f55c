import { validate } from '@readme/openapi-parser'
import type { Fault } from '../errors.ts'
import { jsonPointer } from '../json-text.ts'
import { isObject, type JsonObject } from './json-value.ts'

interface Validated {
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
}

/** Rules that this product checks itself, with the place of each fault, or does not need. */
const rules = {
  'array-without-items': 'warning',
  'duplicate-non-request-body-parameters': 'error',
  'duplicate-operation-id': 'warning',
  'invalid-security-scheme-properties': 'error',
  'non-optional-path-parameters': 'error',
  'path-parameters-not-in-parameters': 'warning',
  'path-parameters-not-in-path': 'warning',
} as const

/** Warnings of the rules above that become faults of our own. */
const saidElsewhere = /operationId .* is duplicated|is missing path parameter/

/** Checks an outline against the specification's schema. Reads nothing but what it is given: no file, no network. */
export async function validateOutline(outline: JsonObject): Promise<Validated> {
  // The parser writes into what it is given.
  const copy: unknown = structuredClone(outline)
  const result = await validate(copy as Parameters<typeof validate>[0], {
    resolve: { external: false, file: false },
    dereference: { circular: 'ignore' },
    validate: { rules: { openapi: rules } },
  })
  const warnings = result.warnings
    .filter(({ message }) => !saidElsewhere.test(message))
    .map(({ message }) => ({ pointer: '', detail: message }))
  if (result.valid) return { faults: [], warnings }
  const places = placesByLine(outline)
  const faults = result.errors.map(({ message }) => faultOf(message, places))
  if (result.additionalErrors > 0)
    faults.push({
      pointer: '',
      detail: `and ${result.additionalErrors} more faults`,
      fix: 'mend these first',
    })
  return { faults, warnings }
}

/** The library tells the place only as a line of the pretty-printed document, or in backticks. */
function faultOf(message: string, places: readonly string[]): Fault {
  const [summary = message] = message.split('\n')
  const line = /^> +(\d+) \|/m.exec(message)?.[1]
  const hint = /\^+ +(.+)$/m.exec(message)?.[1]
  const named = /`(\/(?:components|paths)\/[^`]*)`/.exec(message)?.[1]
  const pointer = line === undefined ? (named ?? '') : (places[Number(line)] ?? '')
  const detail = summary.replace(/^[A-Z ]+(?=[a-z])/, '')
  return {
    pointer,
    detail: hint === undefined || hint.includes(detail) ? (hint ?? detail) : `${detail}: ${hint}`,
  }
}

/** The JSON pointer of what each line of `JSON.stringify(value, null, 2)` begins; lines count from 1. */
function placesByLine(value: unknown): readonly string[] {
  const places = ['']
  const visit = (at: unknown, pointer: string): void => {
    places.push(pointer)
    const children = isObject(at) ? Object.entries(at) : Array.isArray(at) ? [...at.entries()] : []
    const shown = children.filter(([, child]) => child !== undefined)
    for (const [key, child] of shown) visit(child, pointer + jsonPointer(key))
    if (shown.length > 0) places.push(pointer)
  }
  visit(value, '')
  return places
}
