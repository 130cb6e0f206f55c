import type { FieldPattern } from './field-pattern.ts'
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
    const { body, bodyFields } = request
    if (body.kind === 'none') return 'within'
    if (body.kind !== 'json') return body.kind
    return bodyFields?.areWithin(this.#tree) === true ? 'within' : 'field_not_allowed'
  }

  /** The fields that are not within the patterns, by their names; none stand for the body as a whole. For explanations. */
  *outside({ query, bodyFields }: RequestAtHand): Generator<readonly string[]> {
    if (typeof query !== 'string') for (const { path } of query) if (!this.covers(path)) yield path
    if (bodyFields !== undefined) yield* bodyFields.outside(this.#tree)
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
