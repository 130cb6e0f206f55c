import type { Limits, WithoutWhere } from './limits.ts'
import { anyName, type FieldPattern, parseFieldPattern } from './request/field-pattern.ts'
import { type PatternNode, patternTree } from './request/pattern-tree.ts'
import { type Claim, claimOf } from './where/claim.ts'
import type { Condition } from './where/condition.ts'
import { parseCondition } from './where/parse-condition.ts'
import { isImpossible, proves } from './where/proof.ts'
import type { Budget } from './where/value-proof.ts'

/** Steps of all proofs about one role: some hundred milliseconds. What is not proven by then is not proven. */
const stepsMax = 1_000_000

/** A list of fields; what cannot be read is left out. */
interface ReadFields {
  readonly patterns: readonly FieldPattern[]
  readonly tree: PatternNode
}

/** Whether some limits are within others, for as long as the steps suffice; each pair of conditions is looked at once. */
export class LimitComparison {
  readonly #budget: Budget
  readonly #claims = new Map<string, Claim | undefined>()
  readonly #read = new Map<readonly string[], ReadFields>()
  readonly #proven = new Map<string, Map<string, boolean>>()

  /** @param steps that proofs may take in all; 0: nothing but what is the same is proven */
  constructor(steps = stepsMax) {
    this.#budget = { steps }
  }

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
    return this.#budget.steps <= 0 || !isImpossible(claimOf(condition), this.#budget)
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

type LimitsByOperation = ReadonlyMap<string, readonly Limits[]>

/** What a role does more or less than before, by the ids of operations. */
export interface LimitChanges {
  readonly gains: readonly string[]
  readonly loses: readonly string[]
  /** Allowed before and after, and now for something that is not certain to have been allowed before. */
  readonly widened: readonly string[]
  /** Allowed before and after, and no longer certain to be for all that was. Some are both. */
  readonly narrowed: readonly string[]
}

export function changesOfLimits(
  before: LimitsByOperation,
  after: LimitsByOperation,
  comparison: LimitComparison,
  withoutWhere: (operationId: string) => WithoutWhere,
): LimitChanges {
  const kept = [...after.keys()].filter((id) => before.has(id))
  const isWithin = (id: string, narrow: LimitsByOperation, wide: LimitsByOperation) => {
    const held = wide.get(id) ?? []
    return (narrow.get(id) ?? []).every((one) =>
      held.some((other) => comparison.isWithin(one, other, withoutWhere(id))),
    )
  }
  return {
    gains: [...after.keys()].filter((id) => !before.has(id)),
    loses: [...before.keys()].filter((id) => !after.has(id)),
    widened: kept.filter((id) => !isWithin(id, after, before)),
    narrowed: kept.filter((id) => !isWithin(id, before, after)),
  }
}
