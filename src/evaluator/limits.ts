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
  const placesById = new Map<string, number[]>()
  for (const [place, { operations }] of filters.entries())
    for (const id of operations) {
      const places = placesById.get(id)
      if (places === undefined) placesById.set(id, [place])
      else places.push(place)
    }
  // Many operations have the same filters.
  const united = new Map<string, NonNullable<Limits['filter']>>()
  const shown = Array.from(placesById, ([id, places]) => {
    const key = places.join()
    const filter = united.get(key) ?? unitedOf(places.flatMap((place) => filters[place] ?? []))
    united.set(key, filter)
    return [id, filter] as const
  })
  return new Map(shown)
}

function unitedOf(filters: readonly FilterStatement[]): NonNullable<Limits['filter']> {
  const mask = filters.find((one) => one.mask !== undefined)?.mask
  return { fields: filters.flatMap(({ fields }) => fields), ...(mask === undefined ? {} : { mask }) }
}

export function withFilter(limits: Limits, filter: Limits['filter']): Limits {
  return filter === undefined ? limits : { ...limits, filter }
}
