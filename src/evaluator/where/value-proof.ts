import type { Fact } from './claim.ts'
import type { Variable } from './condition.ts'
import type { ConditionValue } from './condition-facts.ts'
import { decimalOf } from './decimal.ts'
import { finderOf } from './find-text.ts'
import { areDisjoint, complement, everyNumber, intersection, isEmpty, isWithinInterval } from './interval.ts'
import { type Interval, type Test, textOf } from './value-test.ts'

/** What is said of one value. */
export type ValueFact = Extract<Fact, { kind: 'test' }>

type Like = Extract<Test, { kind: 'like' }>

/** Steps that a proof may still take. Without any left, nothing is proven any more. */
export interface Budget {
  steps: number
}

/** Whether, of any value for which the facts are so, the goal is so. */
export function follows(facts: readonly ValueFact[], goal: ValueFact, budget: Budget): boolean {
  const candidates = candidatesOf(goal.about.variable, facts)
  budget.steps -= (candidates?.length ?? 1) * (facts.length + 1)
  if (budget.steps < 0) return false
  if (candidates !== undefined)
    return candidates.every((value) => !isSoOfAll(facts, value) || isSo(goal, value))
  if (facts.some(({ key }) => key === goal.key)) return true
  switch (goal.test.kind) {
    case 'one_of':
      return !goal.holds && isNoneOf(facts, goal, budget)
    case 'within':
      return followsForNumber(facts, goal.test.interval, goal.holds)
    case 'like':
      return followsForText(facts, goal.test, goal.holds)
    default:
      throw new Error(`unknown test: ${goal.test satisfies never}`)
  }
}

/** Whether there is no value of which the facts are so. */
export function areContradictory(facts: readonly ValueFact[], budget: Budget): boolean {
  const [first] = facts
  if (first === undefined) return false
  const candidates = candidatesOf(first.about.variable, facts)
  if (candidates !== undefined) {
    budget.steps -= candidates.length * facts.length
    return budget.steps >= 0 && !candidates.some((value) => isSoOfAll(facts, value))
  }
  if (isEmpty(numbersOf(facts).interval)) return true
  return facts.some((fact, index) =>
    follows(facts.toSpliced(index, 1), { ...fact, holds: !fact.holds, key: '' }, budget),
  )
}

function isSo(fact: ValueFact, value: ConditionValue): boolean {
  return fact.ask(value) === String(fact.holds)
}

function isSoOfAll(facts: readonly ValueFact[], value: ConditionValue): boolean {
  return facts.every((fact) => isSo(fact, value))
}

const kinds = ['key', 'user']

/** All the values that the facts leave, and perhaps more; `undefined` if they cannot be counted up. */
function candidatesOf(
  variable: Variable,
  facts: readonly ValueFact[],
): readonly ConditionValue[] | undefined {
  if (variable.of === 'principal' && variable.name === 'kind') return kinds
  let fewest: readonly ConditionValue[] | undefined
  for (const { test, holds } of facts) {
    const texts = holds ? textsOf(test) : undefined
    if (texts === undefined || (fewest !== undefined && fewest.length <= texts.length)) continue
    fewest = variable.of === 'request' && test.kind === 'one_of' ? texts.flatMap(valuesLike) : texts
  }
  return fewest
}

/** The texts for which alone a test holds. */
function textsOf(test: Test): string[] | undefined {
  if (test.kind === 'one_of') return test.literals.map(textOf)
  return test.kind === 'like' && test.match === 'whole' ? [test.text] : undefined
}

/** A request may have a number or a truth value where the condition writes a text. */
function valuesLike(text: string): ConditionValue[] {
  const decimal = decimalOf(text)
  return [
    text,
    ...(decimal === undefined ? [] : [decimal]),
    ...(text === 'true' || text === 'false' ? [text === 'true'] : []),
  ]
}

/** Whether the facts rule out each value that the goal names. A value is always the same as a literal or not. */
function isNoneOf(facts: readonly ValueFact[], goal: ValueFact, budget: Budget): boolean {
  const named = candidatesOf(goal.about.variable, [{ ...goal, holds: true }]) ?? []
  budget.steps -= named.length * facts.length
  return budget.steps >= 0 && facts.length > 0 && named.every((value) => !isSoOfAll(facts, value))
}

interface Numbers {
  readonly interval: Interval
  /** Intervals within which the number is not. */
  readonly gaps: readonly Interval[]
  /** The facts say that it is a number. */
  readonly isNumber: boolean
}

function numbersOf(facts: readonly ValueFact[]): Numbers {
  let interval = everyNumber
  let isNumber = false
  const gaps: Interval[] = []
  for (const { test, holds } of facts) {
    if (test.kind !== 'within') continue
    isNumber = true
    const part = holds ? test.interval : complement(test.interval)
    if (part === undefined) gaps.push(test.interval)
    else interval = intersection(interval, part)
  }
  return { interval, gaps, isNumber }
}

function followsForNumber(facts: readonly ValueFact[], goal: Interval, holds: boolean): boolean {
  const { interval, gaps, isNumber } = numbersOf(facts)
  if (!isNumber) return false
  if (holds) return isWithinInterval(interval, goal)
  return areDisjoint(interval, goal) || gaps.some((gap) => isWithinInterval(goal, gap))
}

function followsForText(facts: readonly ValueFact[], goal: Like, holds: boolean): boolean {
  return facts.some((fact) => {
    if (fact.test.kind !== 'like') return false
    if (holds) return fact.holds && isNarrower(fact.test, goal)
    return fact.holds ? areApart(fact.test, goal) : isNarrower(goal, fact.test)
  })
}

/** Whether each text that matches the one matches the other. */
function isNarrower(narrow: Like, wide: Like): boolean {
  switch (wide.match) {
    case 'whole':
      return narrow.match === 'whole' && narrow.text === wide.text
    case 'start':
      return (narrow.match === 'whole' || narrow.match === 'start') && narrow.text.startsWith(wide.text)
    case 'end':
      return (narrow.match === 'whole' || narrow.match === 'end') && narrow.text.endsWith(wide.text)
    case 'anywhere':
      return finderOf(wide.text)(narrow.text)
    default:
      throw new Error(`unknown match: ${wide.match satisfies never}`)
  }
}

/** Whether no text matches both. */
function areApart(a: Like, b: Like): boolean {
  if (a.match === 'whole') return !isNarrower(a, b)
  if (b.match === 'whole') return !isNarrower(b, a)
  if (a.match === 'start' && b.match === 'start')
    return !a.text.startsWith(b.text) && !b.text.startsWith(a.text)
  return a.match === 'end' && b.match === 'end' && !a.text.endsWith(b.text) && !b.text.endsWith(a.text)
}
