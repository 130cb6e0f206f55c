import { claimOf } from './claim.ts'
import type { Condition } from './condition.ts'
import { isImpossible, proves } from './proof.ts'

/**
 * Whether it is certain that the second condition is true wherever the first one is, whatever the facts. `false` says
 * nothing: there may be no proof that is found in bounded time.
 */
export function entails(narrow: Condition, wide: Condition): boolean {
  return proves(claimOf(narrow), claimOf(wide))
}

/** `false` only where it is certain that the condition is never true, whatever the facts. */
export function canHold(condition: Condition): boolean {
  return !isImpossible(claimOf(condition))
}
