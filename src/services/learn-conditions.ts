import type { LimitComparison } from '../evaluator/compare-limits.ts'
import type { Statement } from '../evaluator/model.ts'
import { Pace } from './pace.ts'

/**
 * Reads the conditions that are about to be held against one another, in pieces: that is most of the work. Where all of
 * them are in both lists, there is none.
 */
export async function learnConditions(
  comparison: LimitComparison,
  some: readonly Statement[],
  others: readonly Statement[],
): Promise<void> {
  const [a, b] = [conditionsIn(some), conditionsIn(others)]
  const all = new Set([...a, ...b])
  if (all.size === a.size && all.size === b.size) return
  const pace = new Pace()
  for (const where of all) {
    await pace.goesOn(where.length)
    comparison.learn(where)
  }
}

function conditionsIn(statements: readonly Statement[]): Set<string> {
  return new Set(statements.flatMap(({ where }) => where ?? []))
}
