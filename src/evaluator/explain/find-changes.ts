import type { Denied } from '../verdict.ts'
import { type Edit, withEdits } from './edit.ts'
import type { Change } from './explanation.ts'
import type { Giving, Step } from './obstacle.ts'
import { decideIn, type ReadSituation } from './situation.ts'
import { stepsOn } from './steps.ts'

/** So many changes are told, so many edits are in one, and so many situations are decided to find them. */
const changesMax = 5
const stepsMax = 3
const decisionsMax = 40
const decisionsMin = 8
/** With many statements each decision takes longer, so that fewer are made. */
const statementsMax = 2_000
/** In UTF-16 code units: each decision may look through the body, and each edit of it makes it anew. */
const bodyLengthMax = 2_000_000

interface Reached {
  readonly situation: ReadSituation
  readonly edits: readonly Edit[]
  readonly denied: Denied
}

/**
 * The smallest changes that have a denied request allowed: what stands in the way is edited away, step by step, and each
 * outcome is decided anew. None where nothing is found in time.
 * @param statements so many name the operation
 */
export function findChanges(
  giving: Giving,
  { start, denied }: { readonly start: ReadSituation; readonly denied: Denied },
  statements: number,
): readonly Change[] {
  const affordable = Math.min(statementsMax / Math.max(1, statements), bodyLengthMax / lengthOf(start))
  const decisions = Math.min(decisionsMax, Math.max(decisionsMin, Math.floor(affordable)))
  const search = new Search(giving, start, decisions)
  let level: readonly Reached[] = [{ situation: start, edits: [], denied }]
  for (let step = 0; step < stepsMax && search.found.length === 0; step++)
    level = level.flatMap((one) => search.from(one))
  return search.found.slice(0, changesMax)
}

function lengthOf({ request: { body } }: ReadSituation): number {
  if (body?.kind === 'text') return Math.max(1, body.text.length)
  return body?.kind === 'value' ? JSON.stringify(body.value ?? null).length : 1
}

class Search {
  readonly #giving: Giving
  readonly #start: ReadSituation
  readonly #decisionsMax: number
  readonly #seen = new Set<string>()
  readonly found: Change[] = []
  #decisions = 0

  constructor(giving: Giving, start: ReadSituation, decisionsMax: number) {
    this.#giving = giving
    this.#start = start
    this.#decisionsMax = decisionsMax
  }

  /** Takes each step from a situation; those that are not allowed yet are to be gone on from. */
  from({ situation, edits, denied }: Reached): readonly Reached[] {
    if (this.#decisions >= this.#decisionsMax) return []
    const reached: Reached[] = []
    for (const step of stepsOn(this.#giving, situation, denied)) {
      const all = [...edits, ...step]
      if (this.#decisions >= this.#decisionsMax || !this.#isNew(all)) continue
      const next = withEdits(situation, step)
      const decision = this.#decide(next)
      if (decision.allowed) this.#find(all)
      else reached.push({ situation: next, edits: all, denied: decision })
    }
    return reached
  }

  #decide(situation: ReadSituation) {
    this.#decisions++
    return decideIn(this.#giving.model, situation)
  }

  /** Whatever their order, the same edits lead to the same. */
  #isNew(edits: Step): boolean {
    const key = edits
      .map((edit) => JSON.stringify(edit))
      .sort()
      .join()
    if (this.#seen.has(key)) return false
    this.#seen.add(key)
    return true
  }

  #find(edits: Step): void {
    const [first, ...others] = this.#withoutNeedless(edits)
    if (first === undefined) return
    const change: Change = [first, ...others]
    if (!this.found.some((known) => isSame(known, change))) this.found.push(change)
  }

  /** A step may do more than is needed in the end. None are left where there is no time to see which are. */
  #withoutNeedless(edits: Step): Step {
    let left = edits
    for (const edit of edits) {
      if (this.#decisions >= 2 * this.#decisionsMax) return []
      const fewer = left.filter((other) => other !== edit)
      if (fewer.length < left.length && this.#decide(withEdits(this.#start, fewer)).allowed) left = fewer
    }
    return left
  }
}

function isSame(one: Change, other: Change): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
