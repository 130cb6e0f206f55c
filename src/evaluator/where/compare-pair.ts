import type { Atom, PairOperator } from './atom.ts'
import { compareNumbers, isSame, isSameTag } from './compare-values.ts'
import type { RequestVariable, Variable } from './condition.ts'
import type { ConditionFacts, ConditionValue, RequestReading } from './condition-facts.ts'
import { overReading, overValues, spellingOf } from './over-values.ts'
import type { Truth } from './truth.ts'

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
  if (outer.of === 'request' && inner.of === 'request')
    return comparedReadings(outer, inner, compare, pair.operator)
  const overInner = overValues(inner, (value, _facts, other) => compare(other, value))
  const overBoth = overValues(outer, (value, facts) => overInner(facts, value))
  if (outer.of !== 'request') return (facts) => overBoth(facts, '')
  const unread = overValues(inner, (value) => besideUnread(pair.operator, value))
  return (facts) => {
    const truth = overBoth(facts, '')
    return truth === 'body_required' ? unread(facts, '') : truth
  }
}

/** What a comparison with a value that is not at hand may come out as. */
function besideUnread(operator: PairOperator, value: ConditionValue): Truth {
  return operator === '=' || !Number.isNaN(compareNumbers(value, value)) ? 'body_required' : 'unknown'
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
  operator: PairOperator,
): (facts: ConditionFacts) => Truth {
  return (facts) => {
    const [left, right] = [facts.request(outer), facts.request(inner)]
    if (left === 'body_not_at_hand') return readingBesideUnread(operator, right)
    if (right === 'body_not_at_hand') return readingBesideUnread(operator, left)
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

/** Nothing is equal to several values that differ; a number is to texts that write it differently. */
function readingBesideUnread(operator: PairOperator, reading: RequestReading): Truth {
  if (reading === 'body_not_at_hand') return 'body_required'
  if (typeof reading === 'string') return 'unknown'
  const [first] = reading
  if (first === undefined || reading.some((value) => besideUnread(operator, value) === 'unknown'))
    return 'unknown'
  const areAlike = reading.every((value) => isSame(value, first) || compareNumbers(value, first) === 0)
  return operator === '=' && !areAlike ? 'never_true' : 'body_required'
}
