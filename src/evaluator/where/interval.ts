import { compareDecimals } from './decimal.ts'
import type { Bound, Interval } from './value-test.ts'

export const everyNumber: Interval = {}

/** Numbers within both. */
export function intersection(a: Interval, b: Interval): Interval {
  const low = tighter(a.low, b.low, 1)
  const high = tighter(a.high, b.high, -1)
  return { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) }
}

export function isEmpty({ low, high }: Interval): boolean {
  if (low === undefined || high === undefined) return false
  const difference = compareDecimals(low.at, high.at)
  return difference > 0 || (difference === 0 && !(low.closed && high.closed))
}

export function areDisjoint(a: Interval, b: Interval): boolean {
  return isEmpty(intersection(a, b))
}

/** Whether all numbers of the one are of the other. */
export function isWithinInterval(inner: Interval, outer: Interval): boolean {
  if (isEmpty(inner)) return true
  return isTighter(inner.low, outer.low, 1) && isTighter(inner.high, outer.high, -1)
}

/** The numbers that are not within, where they are one interval: where there is one bound. */
export function complement({ low, high }: Interval): Interval | undefined {
  if (low !== undefined && high !== undefined) return undefined
  if (low !== undefined) return { high: { at: low.at, closed: !low.closed } }
  return high === undefined ? undefined : { low: { at: high.at, closed: !high.closed } }
}

/** @param direction 1 for lower bounds, -1 for upper ones */
function tighter(a: Bound | undefined, b: Bound | undefined, direction: 1 | -1): Bound | undefined {
  return isTighter(a, b, direction) ? a : b
}

/** At least as tight. */
function isTighter(a: Bound | undefined, b: Bound | undefined, direction: 1 | -1): boolean {
  if (a === undefined || b === undefined) return b === undefined
  const difference = compareDecimals(a.at, b.at) * direction
  return difference > 0 || (difference === 0 && (b.closed || !a.closed))
}
