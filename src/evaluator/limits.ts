import type { FilterStatement, Statement } from './model.ts'

/** How far an operation is allowed: what a statement says beside its name, and what its role shows of responses. */
export interface Limits {
  readonly where?: string
  readonly fields?: readonly string[]
  readonly filter?: Omit<FilterStatement, 'operations'>
}

/** Without `where`: whether all tags of the resource must match the principal's, which is no weaker than a condition. */
export type WithoutWhere = 'matches_tags' | 'anything'

/** What statements allow of each operation, with the filter of their role. */
export function limitsIn(
  allow: readonly Statement[],
  filters: readonly FilterStatement[] = [],
): ReadonlyMap<string, readonly Limits[]> {
  const shown = filtersIn(filters)
  const limits = new Map<string, Limits[]>()
  for (const { operations, where, fields } of allow) {
    const own: Limits = {
      ...(where === undefined ? {} : { where }),
      ...(fields === undefined ? {} : { fields }),
    }
    for (const id of new Set(operations)) {
      const known = limits.get(id) ?? []
      limits.set(id, known)
      known.push(withFilter(own, shown.get(id)))
    }
  }
  return limits
}

/** The filter of each operation: several of one role unite. */
export function filtersIn(
  filters: readonly FilterStatement[],
): ReadonlyMap<string, NonNullable<Limits['filter']>> {
  const shown = new Map<string, NonNullable<Limits['filter']>>()
  for (const { operations, fields, mask } of filters)
    for (const id of operations) {
      const before = shown.get(id)
      const united = before?.mask ?? mask
      shown.set(id, {
        fields: [...(before?.fields ?? []), ...fields],
        ...(united === undefined ? {} : { mask: united }),
      })
    }
  return shown
}

export function withFilter(limits: Limits, filter: Limits['filter']): Limits {
  return filter === undefined ? limits : { ...limits, filter }
}
