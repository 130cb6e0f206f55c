import type { FilterOperators } from 'mongodb'
import type { Page } from '../../src/storage/ports.ts'

export function isNewestFirst({ order }: Page): boolean {
  return order === 'newest_first'
}

export function direction(page: Page): 1 | -1 {
  return isNewestFirst(page) ? -1 : 1
}

/** All `_id`s that begin with the prefix, which ends in a separator, from one of them on. */
export function rangeOf(prefix: string, after: string | undefined, page: Page): FilterOperators<string> {
  const separator = prefix.charCodeAt(prefix.length - 1)
  const end = `${prefix.slice(0, -1)}${String.fromCharCode(separator + 1)}`
  if (after === undefined) return { $gt: prefix, $lt: end }
  return isNewestFirst(page) ? { $gt: prefix, $lt: after } : { $gt: after, $lt: end }
}
