import { parseFieldPattern, printFieldPattern } from '../request/field-pattern.ts'
import type { RequestAtHand } from '../request/request-at-hand.ts'
import { RequestFields } from '../request/request-fields.ts'

export interface SentName {
  readonly names: readonly string[]
  /** As a pattern writes it; of the body as a whole, `''`. */
  readonly text: string
}

/** So many are told. */
const fieldsMax = 50

/** What a request sends that a list of fields does not hold: each once, the query's first. Names alone. */
export function fieldsOutside(fields: readonly string[], request: RequestAtHand): readonly SentName[] {
  const patterns = fields.map(parseFieldPattern).flatMap((one) => ('pattern' in one ? [one.pattern] : []))
  const outside = new Map<string, SentName>()
  for (const names of new RequestFields(patterns).outside(request)) {
    if (outside.size === fieldsMax) break
    const text = printFieldPattern(names)
    outside.set(text, { names, text })
  }
  return [...outside.values()]
}
