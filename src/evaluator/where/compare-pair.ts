import type { Atom, PairOperator } from './atom.ts'
import { compareNumbers, isSame, isSameTag } from './compare-values.ts'
import type { RequestVariable, Variable } from './condition.ts'
import type { ConditionFacts, ConditionValue, RequestReading, Truth } from './condition-facts.ts'
import { overReading, overValues, spellingOf } from './over-values.ts'

/** Of two values, the first one's of the pair's outer variable. */
type Compare = (outer: ConditionValue, inner: ConditionValue) => Truth

/** The outer variable is the earlier one: each value of the request has to find some tag, not one tag all values. */
const order: Readonly<Record<Variable['of'], number>> = {
  request: 0,
  principal: 1,
  resourceTags: 2,
  principalTags: 2,
}

/** Compares the values of two variables: each of the outer one with all of the inner one. */
export function comparePair(pair: Extract<Atom, { kind: 'pair' }>): (facts: ConditionFacts) => Truth {
  const isTurned = order[pair.left.of] > order[pair.right.of]
  const [outer, inner] = isTurned ? [pair.right, pair.left] : [pair.left, pair.right]
  const compare = pair.operator === '=' ? equality(outer, inner) : ordering(pair.operator, isTurned)
  if (outer.of === 'request' && inner.of === 'request') return comparedReadings(outer, inner, compare)
  const overInner = overValues(inner, (value, _facts, other) => compare(other, value))
  const overBoth = overValues(outer, (value, facts) => overInner(facts, value))
  return (facts) => overBoth(facts, '')
}

function equality(outer: Variable, inner: Variable): Compare {
  if (spellingOf(outer) === spellingOf(inner)) return (a, b) => (isSame(a, b) ? 'true' : 'false')
  return (value, tag) => (isSameTag(value, tag) ? 'true' : 'false')
}

function ordering(operator: Exclude<PairOperator, '='>, isTurned: boolean): Compare {
  return (outer, inner) => {
    const difference = isTurned ? compareNumbers(inner, outer) : compareNumbers(outer, inner)
    if (Number.isNaN(difference)) return 'unknown'
    return difference < 0 || (difference === 0 && operator === '<=') ? 'true' : 'false'
  }
}

/** Of two lists, it is unknown: all of one with all of the other would be asked for, and take the product of their sizes. */
function comparedReadings(
  outer: RequestVariable,
  inner: RequestVariable,
  compare: Compare,
): (facts: ConditionFacts) => Truth {
  return (facts) => {
    const [left, right] = [facts.request(outer), facts.request(inner)]
    if (hasSeveral(left) && hasSeveral(right)) return 'unknown'
    return overReading(
      left,
      (value) => overReading(right, (other) => compare(value, other), facts, ''),
      facts,
      '',
    )
  }
}

function hasSeveral(reading: RequestReading): boolean {
  return typeof reading !== 'string' && reading.length > 1
}
