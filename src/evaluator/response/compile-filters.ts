import type { FilterStatement } from '../model.ts'
import type { IndexedOperation } from '../path-trie.ts'
import { readFilter } from './read-filter.ts'
import type { Filter } from './response-filter.ts'

/** A role's filters by the places of the operations that they name. */
export type Filters = ReadonlyMap<number, Filter>

export const noFilters: Filters = new Map()

/** Filters made ready to decide by: those of one role for one operation unite. */
export function compileFilters(
  operationsById: ReadonlyMap<string, IndexedOperation>,
  statements: readonly FilterStatement[] | undefined,
): Filters {
  if (statements === undefined || statements.length === 0) return noFilters
  const filters = new Map<number, Filter>()
  for (const { operations, fields, mask } of statements) {
    const read = readFilter(fields, mask)
    // What was saved can be read; what nonetheless cannot must not show anything.
    const filter = 'filter' in read ? read.filter : { fields: [] }
    for (const id of operations) {
      const index = operationsById.get(id)?.index
      if (index !== undefined) filters.set(index, eitherOf(filters.get(index), filter))
    }
  }
  return filters
}

function eitherOf(one: Filter | undefined, other: Filter): Filter {
  if (one === undefined) return other
  const mask = one.mask ?? other.mask
  return { fields: [...one.fields, ...other.fields], ...(mask === undefined ? {} : { mask }) }
}
