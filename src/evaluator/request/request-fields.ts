import { type FieldPattern, printFieldPattern } from './field-pattern.ts'
import { type PatternNode, patternTree, stepInto } from './pattern-tree.ts'
import type { RequestAtHand } from './request-at-hand.ts'

export type FieldsVerdict = 'within' | 'field_not_allowed' | 'body_required' | 'ambiguous_request'

/** The `fields` of a statement, made ready to hold requests against. */
export class RequestFields {
  readonly #tree: PatternNode

  constructor(patterns: Iterable<FieldPattern>) {
    this.#tree = patternTree(patterns)
  }

  /**
   * Whether all that a request holds is within the patterns: each query parameter that is present, and each leaf of the
   * JSON body. A body that is empty altogether (`{}`) is a leaf that no pattern covers: in a `PUT` it means something.
   */
  verdict(request: RequestAtHand): FieldsVerdict {
    const { query } = request
    if (query === 'ambiguous_request') return query
    if (query === 'not_at_hand') return 'body_required'
    for (const { path } of query) if (!this.covers(path)) return 'field_not_allowed'
    const { body } = request
    if (body.kind === 'none') return 'within'
    if (body.kind !== 'json') return body.kind
    return outside(this.#tree, body.value) === undefined ? 'within' : 'field_not_allowed'
  }

  /** The first field that is not within the patterns, as a pattern writes it; `''` is the whole body. For explanations. */
  firstOutside(request: RequestAtHand): string | undefined {
    const { query, body } = request
    const parameter = typeof query === 'string' ? undefined : query.find(({ path }) => !this.covers(path))
    if (parameter !== undefined) return printFieldPattern(parameter.path)
    const names = body.kind === 'json' ? outside(this.#tree, body.value) : undefined
    return names === undefined ? undefined : printFieldPattern(names.reverse())
  }

  /** Whether the names that lead to a field, or some of the first of them, are a pattern's. */
  covers(path: readonly string[]): boolean {
    let state = this.#tree.alone
    for (const name of path) {
      const next = stepInto(state, name)
      if (next === 'covered') return true
      state = next
    }
    return false
  }
}

function outside(tree: PatternNode, value: unknown): string[] | undefined {
  return outsideOf(tree.alone, value)
}

/** The names that lead to the first leaf that no pattern covers, the innermost first. Items of lists have no name. */
function outsideOf(state: PatternNode['alone'], value: unknown): string[] | undefined {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return outsideOfItems(state, value)
  const names = Object.keys(value)
  for (const name of names) {
    const next = stepInto(state, name)
    if (next === 'covered') continue
    // Sound: it has the member.
    const found = next.length === 0 ? [] : outsideOf(next, (value as Record<string, unknown>)[name])
    if (found === undefined) continue
    found.push(name)
    return found
  }
  return names.length === 0 ? [] : undefined
}

function outsideOfItems(state: PatternNode['alone'], items: readonly unknown[]): string[] | undefined {
  // A hole in the list comes as `undefined`, which is a leaf.
  for (const item of items) {
    const found = outsideOf(state, item)
    if (found !== undefined) return found
  }
  return items.length === 0 ? [] : undefined
}
