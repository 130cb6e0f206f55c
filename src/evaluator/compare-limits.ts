import type { Limits, WithoutWhere } from './limits.ts'
import { type FieldPattern, parseFieldPattern } from './request/field-pattern.ts'
import { type PatternNode, patternTree, stepCovering } from './request/pattern-tree.ts'
import { type Claim, claimOf } from './where/claim.ts'
import { type CompiledCondition, compileCondition } from './where/compile-condition.ts'
import type { Condition } from './where/condition.ts'
import { parseCondition } from './where/parse-condition.ts'
import { isImpossible, proves } from './where/proof.ts'
import type { Budget } from './where/value-proof.ts'
import { type Witness, witnessesOf } from './where/witness.ts'

/** Steps of all proofs about one role: some tens of milliseconds. What is not proven by then is not proven. */
const stepsMax = 200_000
/** A step among fields takes as long as several of a proof. */
const stepsPerField = 3

/** A list of fields; what cannot be read is left out. */
interface ReadFields {
  readonly patterns: readonly FieldPattern[]
  readonly tree: PatternNode
}

/** What is made of a condition; its claim, once a proof needs it. */
interface KnownCondition {
  readonly condition: Condition
  readonly compiled: CompiledCondition
  readonly witnesses: readonly Witness[]
  claim?: Claim
}

/** Whether some limits are within others, for as long as the steps suffice; each pair of conditions is looked at once. */
export class LimitComparison {
  readonly #budget: Budget
  readonly #known: Map<string, KnownCondition | undefined>
  readonly #read = new Map<readonly string[], ReadFields>()
  readonly #proven = new Map<string, Map<string, boolean>>()

  /**
   * @param steps that proofs may take in all; 0: nothing but what is the same is proven
   * @param before one that knows conditions already
   */
  constructor(steps = stepsMax, before?: LimitComparison) {
    this.#budget = { steps }
    this.#known = before === undefined ? new Map() : before.#known
  }

  /** Reads a condition that is about to be compared, which is most of the work on it. */
  learn(where: string): void {
    this.#condition(where)
  }

  /** The same of a list of fields, which costs no steps: it is as long as it may be. */
  learnFields(texts: readonly string[]): void {
    if (!this.#read.has(texts)) this.#read.set(texts, readOf(texts))
  }

  /** `false` says nothing: it may be so, and not be proven. */
  isWithin(narrow: Limits, wide: Limits, withoutWhere: WithoutWhere): boolean {
    return (
      this.#isConditionWithin(narrow.where, wide.where, withoutWhere) &&
      this.#areFieldsWithin(narrow.fields, wide.fields) &&
      this.#isFilterWithin(narrow.filter, wide.filter)
    )
  }

  /** Whether they are within one of several. What is the same needs no proof, and is looked for first. */
  isWithinAny(narrow: Limits, several: readonly Limits[], withoutWhere: WithoutWhere): boolean {
    return (
      several.some((wide) => areSame(narrow, wide)) ||
      several.some((wide) => this.isWithin(narrow, wide, withoutWhere))
    )
  }

  /**
   * `false` only where it is certain that a condition is never true.
   * @param where the condition as it is printed
   */
  canHold(where: string, condition: Condition): boolean {
    if (this.#budget.steps <= 0) return true
    const known = knownOf(condition)
    this.#known.set(where, known)
    return known.witnesses.length > 0 || !isImpossible(claimIn(known), this.#budget)
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
    this.#budget.steps -= 1
    if (this.#budget.steps < 0) return false
    const [premise, conclusion] = [this.#condition(narrow), this.#condition(wide)]
    if (premise === undefined || conclusion === undefined) return false
    if (premise.witnesses.some((facts) => this.#isUntrueOf(facts, conclusion))) return false
    // To take a claim apart is work by itself, whatever comes of it.
    this.#budget.steps -= (narrow.length + wide.length) >> 3
    return this.#budget.steps >= 0 && proves(claimIn(premise), claimIn(conclusion), this.#budget)
  }

  #isUntrueOf(facts: Witness, { compiled }: KnownCondition): boolean {
    const before = facts.asked
    const truth = compiled(facts)
    this.#budget.steps -= facts.asked - before
    return truth !== 'true'
  }

  #condition(where: string): KnownCondition | undefined {
    if (this.#known.has(where)) return this.#known.get(where)
    const parsed = parseCondition(where)
    const known = 'condition' in parsed ? knownOf(parsed.condition) : undefined
    this.#known.set(where, known)
    return known
  }

  #areFieldsWithin(narrow: readonly string[] | undefined, wide: readonly string[] | undefined): boolean {
    if (wide === undefined || areSameTexts(narrow, wide)) return true
    if (narrow === undefined) return false
    if (this.#budget.steps < 0) return false
    const { tree } = this.#fields(wide)
    const { patterns } = this.#fields(narrow)
    return patterns.length === narrow.length && patterns.every((pattern) => this.#covers(tree, pattern))
  }

  #fields(texts: readonly string[]): ReadFields {
    const known = this.#read.get(texts)
    if (known !== undefined) return known
    this.#budget.steps -= texts.length * stepsPerField
    const read = readOf(texts)
    this.#read.set(texts, read)
    return read
  }

  /** Whether whatever the pattern covers is covered by the tree, too. */
  #covers(tree: PatternNode, pattern: FieldPattern): boolean {
    let state = tree.alone
    for (const step of pattern) {
      this.#budget.steps -= state.length * stepsPerField
      if (this.#budget.steps < 0) return false
      state = stepCovering(state, step)
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

function readOf(texts: readonly string[]): ReadFields {
  const patterns = patternsOf(texts)
  return { patterns, tree: patternTree(patterns) }
}

function knownOf(condition: Condition): KnownCondition {
  const compiled = compileCondition(condition)
  return { condition, compiled, witnesses: witnessesOf(condition, compiled) }
}

function claimIn(known: KnownCondition): Claim {
  known.claim ??= claimOf(known.condition)
  return known.claim
}

function areSame(a: Limits, b: Limits): boolean {
  return (
    a.where === b.where &&
    areSameTexts(a.fields, b.fields) &&
    a.filter?.mask === b.filter?.mask &&
    areSameTexts(a.filter?.fields, b.filter?.fields)
  )
}

function areSameTexts(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === b) return true
  return a !== undefined && a.length === b?.length && a.every((text, i) => text === b[i])
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
    return (narrow.get(id) ?? []).every((one) => comparison.isWithinAny(one, held, withoutWhere(id)))
  }
  return {
    gains: [...after.keys()].filter((id) => !before.has(id)),
    loses: [...before.keys()].filter((id) => !after.has(id)),
    widened: kept.filter((id) => !isWithin(id, after, before)),
    narrowed: kept.filter((id) => !isWithin(id, before, after)),
  }
}
