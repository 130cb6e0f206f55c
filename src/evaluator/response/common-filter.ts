import { anyName, type FieldPattern, type PatternStep } from '../request/field-pattern.ts'
import type { Filter } from './response-filter.ts'

/**
 * One filter that shows what both show. It masks only what both would mask, with the first one's mask: to leave out
 * tells less.
 */
export function commonFilter(one: Filter, other: Filter): Filter {
  const fields = one.fields.flatMap((pattern) => other.fields.flatMap((with_) => common(pattern, with_)))
  return one.mask === undefined || other.mask === undefined ? { fields } : { fields, mask: one.mask }
}

/** What both patterns cover is covered by one, the longer of them; or there is nothing that both cover. */
function common(one: FieldPattern, other: FieldPattern): readonly FieldPattern[] {
  const [longer, shorter] = one.length < other.length ? [other, one] : [one, other]
  const steps: PatternStep[] = []
  for (const [index, step] of longer.entries()) {
    const beside = shorter[index] ?? step
    if (step !== beside && step !== anyName && beside !== anyName) return []
    steps.push(step === anyName ? beside : step)
  }
  const [first, ...rest] = steps
  return first === undefined ? [] : [[first, ...rest]]
}
