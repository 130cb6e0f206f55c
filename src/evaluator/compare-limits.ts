import type { LimitComparison, Limits, WithoutWhere } from './limits.ts'

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
