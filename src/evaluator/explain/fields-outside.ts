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
  const allowed = new RequestFields(patterns)
  const outside = new Map<string, SentName>()
  for (const names of sentNames(request)) {
    if (outside.size === fieldsMax) break
    if (allowed.covers(names)) continue
    const text = printFieldPattern(names)
    outside.set(text, { names, text })
  }
  return [...outside.values()]
}

function* sentNames({ query, body }: RequestAtHand): Generator<readonly string[]> {
  if (typeof query !== 'string') for (const { path } of query) yield path
  if (body.kind === 'json') yield* leavesOf(body.value, [])
}

/** Items of lists have no name of their own. */
function* leavesOf(value: unknown, names: readonly string[]): Generator<readonly string[]> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (entries.length === 0) yield names
  for (const [name, one] of entries) yield* leavesOf(one, Array.isArray(value) ? names : [...names, name])
}
