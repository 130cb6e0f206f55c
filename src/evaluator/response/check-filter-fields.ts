import type { PatternFault } from '../request/check-field-patterns.ts'
import { fixFor } from '../request/declared-fields.ts'
import { anyName, type FieldPattern, printFieldPattern } from '../request/field-pattern.ts'
import { type LooksLeft, ResponsePlace, type ResponseShapes } from './response-shapes.ts'

/** So many fields that nobody declares are told of, and so many are looked through for what was meant. */
const undeclaredMax = 20
const fieldsMax = 2_000
const operationsShownMax = 3

/**
 * Holds the fields of a filter against what its operations answer: each must be a field of a response of at least one of
 * them. Where the document does not say what one of them answers, any may be.
 * @param left for all filters of a role; what is not looked at is not refused
 */
export function undeclaredInResponses(
  patterns: readonly FieldPattern[],
  operationIds: readonly string[],
  shapes: ResponseShapes,
  left: LooksLeft,
): readonly PatternFault[] {
  const roots = operationIds.map((id) => own(shapes.operations, id))
  const known = roots.filter((root) => root !== undefined)
  if (known.length < roots.length || known.length === 0) return []
  const whole = new ResponsePlace(shapes, known.flat(), left)
  const told: { readonly pattern: FieldPattern; readonly index: number }[] = []
  for (const [index, pattern] of patterns.entries()) {
    if (told.length === undeclaredMax) break
    if (!leadsSomewhere(whole, pattern)) told.push({ pattern, index })
  }
  if (told.length === 0) return []
  const fields = declaredIn(whole, left)
  return told.map(({ pattern, index }) => ({
    index,
    detail: `no response of ${listed(operationIds)} has ${printFieldPattern(pattern)}`,
    fix: fixFor(
      pattern.map((step) => (step === anyName ? '*' : step)),
      fields,
      ({ path }) => printFieldPattern(path),
    ),
  }))
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function leadsSomewhere(whole: ResponsePlace, pattern: FieldPattern): boolean {
  let at: ResponsePlace | undefined = whole
  for (const step of pattern) at = at?.under(step)
  return at !== undefined
}

/** Those nearest to the root first: an object may hold others of its kind without end. */
function declaredIn(whole: ResponsePlace, left: LooksLeft): readonly { readonly path: readonly string[] }[] {
  const fields: { readonly path: readonly string[] }[] = []
  const ahead: { readonly path: readonly string[]; readonly place: ResponsePlace }[] = []
  let next: (typeof ahead)[number] | undefined = { path: [], place: whole }
  for (let i = 0; next !== undefined; next = left.looks > 0 ? ahead[i++] : undefined) {
    for (const name of next.place.names()) {
      if (fields.length === fieldsMax) return fields
      const path = [...next.path, name]
      fields.push({ path })
      const place = next.place.under(name)
      if (place !== undefined) ahead.push({ path, place })
    }
  }
  return fields
}

function listed(ids: readonly string[]): string {
  const shown = ids.slice(0, operationsShownMax).join(', ')
  return ids.length <= operationsShownMax ? shown : `${shown} and ${ids.length - operationsShownMax} more`
}
