import type { RequestShape, ValueShape } from '../model.ts'
import { type DeclaredField, declaredToSend, fixFor } from './declared-fields.ts'
import { anyName, type FieldPattern, parseFieldPattern, printFieldPattern } from './field-pattern.ts'
import { itemOf } from './request-source.ts'

/** More patterns than this, in one statement, are refused. */
const patternsMax = 200
/** So many undeclared ones are told of, and so many fields are looked through for what was meant. */
const undeclaredMax = 20
const fieldsMax = 2_000

/** What is wrong with one of several patterns; without an index, with all of them together. */
export interface PatternFault {
  readonly index?: number
  readonly detail: string
  readonly fix: string
}

export type CheckedPatterns =
  | { readonly patterns: readonly FieldPattern[] }
  | { readonly faults: readonly PatternFault[] }

/**
 * Reads the `fields` of a statement, and holds them against what its operations declare: each must be declared by at
 * least one of them. An object that is open has members of any name.
 */
export function checkFieldPatterns(
  written: readonly string[],
  shapes: readonly (RequestShape | undefined)[],
): CheckedPatterns {
  const read = readFieldPatterns(written)
  if ('faults' in read) return read
  const different = [...new Set(shapes)]
  const roots = different.flatMap(rootsOf)
  const beside = read.patterns.flatMap((pattern, index) =>
    isDeclared(pattern, roots) ? [] : [{ pattern, index }],
  )
  if (beside.length === 0) return read
  const fields = different.flatMap((shape) => declaredToSend(shape)).slice(0, fieldsMax)
  const told = beside.slice(0, undeclaredMax)
  return {
    faults: told.map(({ pattern, index }) => ({ index, ...undeclared(pattern, different, fields) })),
  }
}

/** Reads a list of patterns, which may not be empty: a statement that allows no field at all is not written that way. */
export function readFieldPatterns(written: readonly string[]): CheckedPatterns {
  if (written.length === 0 || written.length > patternsMax)
    return {
      faults: [
        {
          detail: `fields lists 1 to ${patternsMax} fields`,
          fix: 'leave it out where all fields are allowed',
        },
      ],
    }
  const patterns: FieldPattern[] = []
  const faults: PatternFault[] = []
  for (const [index, text] of written.entries()) {
    const read = parseFieldPattern(text)
    if ('pattern' in read) patterns.push(read.pattern)
    else faults.push({ index, detail: `${text}: ${read.detail}`, fix: read.fix })
  }
  return faults.length > 0 ? { faults } : { patterns }
}

/** The query as the object that it is to patterns, and the body. */
function rootsOf(shape: RequestShape | undefined): readonly ValueShape[] {
  const query = Object.entries(shape?.query ?? {}).map(
    ([name, { deepObject }]) => [name, deepObject ?? 'string'] as const,
  )
  const members: Readonly<Record<string, ValueShape>> = Object.fromEntries(query)
  return [{ members }, ...(shape?.body === undefined ? [] : [shape.body])]
}

function isDeclared(pattern: FieldPattern, roots: readonly ValueShape[]): boolean {
  return roots.some((root) => leadsSomewhere(root, pattern, 0))
}

/** Whether the steps from one on lead to a place that is declared. */
function leadsSomewhere(shape: ValueShape, pattern: FieldPattern, from: number): boolean {
  let at = itemOf(shape)
  for (let i = from; i < pattern.length; i++) {
    if (at === 'any') return true
    if (typeof at === 'string' || !('members' in at)) return false
    const step = pattern[i]
    if (step === undefined) return true
    if (step === anyName)
      return at.open === true || Object.values(at.members).some((one) => leadsSomewhere(one, pattern, i + 1))
    const member = Object.hasOwn(at.members, step) ? at.members[step] : undefined
    if (member === undefined) return at.open === true
    at = itemOf(member)
  }
  return true
}

function undeclared(
  pattern: FieldPattern,
  shapes: readonly (RequestShape | undefined)[],
  fields: readonly DeclaredField[],
) {
  const written = printFieldPattern(pattern)
  const names = pattern.map((step) => (step === anyName ? '*' : step))
  const fix = fixFor(names, fields, ({ path }) => printFieldPattern(path))
  const noJson = shapes.every((shape) => shape?.body === undefined && shape?.otherBody === true)
  const why = noJson ? ', and the body is not JSON' : ''
  return { detail: `the document declares no ${written}, neither in the query nor in the body${why}`, fix }
}
