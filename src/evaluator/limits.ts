import type { FilterStatement, Statement } from './model.ts'
import { anyName, type FieldPattern, parseFieldPattern } from './request/field-pattern.ts'
import { type PatternNode, patternTree } from './request/pattern-tree.ts'
import { type Claim, claimOf } from './where/claim.ts'
import type { Condition } from './where/condition.ts'
import { parseCondition } from './where/parse-condition.ts'
import { isImpossible, proves } from './where/proof.ts'
import type { Budget } from './where/value-proof.ts'

/** How far an operation is allowed: what a statement says beside its name, and what its role shows of responses. */
export interface Limits {
  readonly where?: string
  readonly fields?: readonly string[]
  readonly filter?: Omit<FilterStatement, 'operations'>
}

/** Without `where`: whether all tags of the resource must match the principal's, which is no weaker than a condition. */
export type WithoutWhere = 'matches_tags' | 'anything'

/** What statements allow of each operation, with the filter of their role. */
export function limitsIn(
  allow: readonly Statement[],
  filters: readonly FilterStatement[] = [],
): ReadonlyMap<string, readonly Limits[]> {
  const shown = filtersIn(filters)
  const limits = new Map<string, Limits[]>()
  for (const { operations, where, fields } of allow) {
    const own: Limits = {
      ...(where === undefined ? {} : { where }),
      ...(fields === undefined ? {} : { fields }),
    }
    for (const id of new Set(operations)) {
      const known = limits.get(id) ?? []
      limits.set(id, known)
      known.push(withFilter(own, shown.get(id)))
    }
  }
  return limits
}

/** The filter of each operation: several of one role unite. */
export function filtersIn(
  filters: readonly FilterStatement[],
): ReadonlyMap<string, NonNullable<Limits['filter']>> {
  const shown = new Map<string, NonNullable<Limits['filter']>>()
  for (const { operations, fields, mask } of filters)
    for (const id of operations) {
      const before = shown.get(id)
      const united = before?.mask ?? mask
      shown.set(id, {
        fields: [...(before?.fields ?? []), ...fields],
        ...(united === undefined ? {} : { mask: united }),
      })
    }
  return shown
}

export function withFilter(limits: Limits, filter: Limits['filter']): Limits {
  return filter === undefined ? limits : { ...limits, filter }
}

/** Steps of all proofs about one role: some hundred milliseconds. What is not proven by then is not proven. */
const stepsMax = 1_000_000

/** A list of fields; what cannot be read is left out. */
interface ReadFields {
  readonly patterns: readonly FieldPattern[]
  readonly tree: PatternNode
}

/** Whether some limits are within others, for as long as the steps suffice; each pair of conditions is looked at once. */
export class LimitComparison {
  readonly #budget: Budget = { steps: stepsMax }
  readonly #claims = new Map<string, Claim | undefined>()
  readonly #read = new Map<readonly string[], ReadFields>()
  readonly #proven = new Map<string, Map<string, boolean>>()

  /** `false` says nothing: it may be so, and not be proven. */
  isWithin(narrow: Limits, wide: Limits, withoutWhere: WithoutWhere): boolean {
    return (
      this.#isConditionWithin(narrow.where, wide.where, withoutWhere) &&
      this.#areFieldsWithin(narrow.fields, wide.fields) &&
      this.#isFilterWithin(narrow.filter, wide.filter)
    )
  }

  /** `false` only where it is certain that a condition is never true. */
  canHold(condition: Condition): boolean {
    return !isImpossible(claimOf(condition), this.#budget)
  }

  #isConditionWithin(
    narrow: string | undefined,
    wide: string | undefined,
    withoutWhere: WithoutWhere,
  ): boolean {
    if (narrow === wide) return true
    if (wide === undefined) return withoutWhere === 'anything'
    if (narrow === undefined) return false
    const known = this.#proven.get(narrow)?.get(wide)
    if (known !== undefined) return known
    const proven = this.#proves(narrow, wide)
    this.#proven.set(narrow, (this.#proven.get(narrow) ?? new Map()).set(wide, proven))
    return proven
  }

  #proves(narrow: string, wide: string): boolean {
    // To take a claim apart is work by itself, whatever comes of it.
    this.#budget.steps -= (narrow.length + wide.length) >> 3
    if (this.#budget.steps < 0) return false
    const [premise, conclusion] = [this.#claim(narrow), this.#claim(wide)]
    return premise !== undefined && conclusion !== undefined && proves(premise, conclusion, this.#budget)
  }

  #claim(where: string): Claim | undefined {
    if (this.#claims.has(where)) return this.#claims.get(where)
    const parsed = parseCondition(where)
    const claim = 'condition' in parsed ? claimOf(parsed.condition) : undefined
    this.#claims.set(where, claim)
    return claim
  }

  #areFieldsWithin(narrow: readonly string[] | undefined, wide: readonly string[] | undefined): boolean {
    if (wide === undefined || narrow === wide) return true
    if (narrow === undefined) return false
    if (this.#budget.steps < 0) return false
    const { tree } = this.#fields(wide)
    const { patterns } = this.#fields(narrow)
    return patterns.length === narrow.length && patterns.every((pattern) => this.#covers(tree, pattern))
  }

  #fields(texts: readonly string[]): ReadFields {
    const known = this.#read.get(texts)
    if (known !== undefined) return known
    this.#budget.steps -= texts.length
    const patterns = patternsOf(texts)
    const read = { patterns, tree: patternTree(patterns) }
    this.#read.set(texts, read)
    return read
  }

  /** Whether whatever the pattern covers is covered by the tree, too. */
  #covers(tree: PatternNode, pattern: FieldPattern): boolean {
    let state: readonly PatternNode[] = [tree]
    for (const step of pattern) {
      this.#budget.steps -= state.length
      if (this.#budget.steps < 0) return false
      state = state.flatMap((node) => {
        const named = step === anyName ? undefined : node.children.get(step)
        return [named, node.any].filter((next) => next !== undefined)
      })
      if (state.some(({ isEnd }) => isEnd)) return true
    }
    return false
  }

  #isFilterWithin(narrow: Limits['filter'], wide: Limits['filter']): boolean {
    if (wide === undefined) return true
    if (narrow === undefined) return false
    // A mask tells that there is something; to leave it out does not.
    const tellsMore = narrow.mask !== undefined && wide.mask === undefined
    return !tellsMore && this.#areFieldsWithin(narrow.fields, wide.fields)
  }
}

function patternsOf(fields: readonly string[]): readonly FieldPattern[] {
  return fields.flatMap((text) => {
    const parsed = parseFieldPattern(text)
    return 'pattern' in parsed ? [parsed.pattern] : []
  })
}
