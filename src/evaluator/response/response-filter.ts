import type { FieldPattern } from '../request/field-pattern.ts'
import { type PatternState, patternTree, stepInto } from '../request/pattern-tree.ts'

/** The `filter` of a statement: the fields of a response that are shown, and what becomes of the others. */
export interface Filter {
  readonly fields: readonly FieldPattern[]
  /** Stands in place of what is not shown. Absent: that is left out. */
  readonly mask?: string
}

interface Layer {
  readonly state: PatternState
  readonly mask: string | undefined
}

/**
 * Filters made ready to be put over responses: a place is shown if every layer shows it. The layers are those of a
 * token's scopes and of the person's roles, which both must show it; within one, several filters have been united.
 */
export type ResponseFilter = readonly [Layer, ...Layer[]]

/**
 * Unites filters: what one of them shows, is shown. What none shows is masked if one of them would mask it, since that
 * tells more than to leave it out; by the first one's mask.
 */
export function uniteFilters(filters: readonly [Filter, ...Filter[]]): ResponseFilter {
  const tree = patternTree(filters.flatMap(({ fields }) => fields))
  return [{ state: tree.alone, mask: filters.find(({ mask }) => mask !== undefined)?.mask }]
}

/** What both show is shown; what one of them leaves out is left out. */
export function intersectFilters([first, ...rest]: ResponseFilter, other: ResponseFilter): ResponseFilter {
  return [first, ...rest, ...other]
}

/**
 * What a filter leaves of a JSON value; the value itself is not changed. Lists are filtered item by item.
 *
 * Without a mask, objects and lists are kept only to hold what is shown: where nothing in them is, they are left out as
 * well, and of a whole response nothing but `{}`, `[]` or `null` may be left. With a mask, names and lengths stay, and
 * each scalar and `null` that is not shown is replaced: a mask hides values, not that there are some.
 *
 * Reads own members alone, and lets through nothing but JSON: what is not (a function, `undefined`, a hole in a list) is
 * left out. What is shown whole is handed on as it is.
 */
export function filterJson(filter: ResponseFilter, value: unknown): unknown {
  let left = value
  for (const layer of filter) left = filteredWhole(layer, left)
  return left
}

/** Nothing is left here. */
const nothing = Symbol('nothing')

function filteredWhole(layer: Layer, value: unknown): unknown {
  const left = filtered(layer, layer.state, value)
  if (left !== nothing) return left
  if (Array.isArray(value)) return []
  return typeof value === 'object' && value !== null ? {} : null
}

function filtered(layer: Layer, state: PatternState, value: unknown): unknown {
  if (Array.isArray(value)) return filteredItems(layer, state, value)
  if (typeof value === 'object' && value !== null) return filteredMembers(layer, state, value)
  return layer.mask !== undefined && isJsonScalar(value) ? layer.mask : nothing
}

function filteredItems(layer: Layer, state: PatternState, items: readonly unknown[]): unknown {
  const kept: unknown[] = []
  for (const item of items) {
    const left = filtered(layer, state, item)
    if (left !== nothing) kept.push(left)
  }
  return isLeftOut(layer, kept.length) ? nothing : kept
}

function filteredMembers(layer: Layer, state: PatternState, value: object): unknown {
  const kept: [string, unknown][] = []
  for (const [name, member] of Object.entries(value)) {
    const next = stepInto(state, name)
    const left = next === 'covered' ? shown(member) : filtered(layer, next, member)
    if (left !== nothing) kept.push([name, left])
  }
  // Unlike an assignment, this makes a member of `__proto__`.
  return isLeftOut(layer, kept.length) ? nothing : Object.fromEntries(kept)
}

function isLeftOut({ mask }: Layer, count: number): boolean {
  return mask === undefined && count === 0
}

function shown(value: unknown): unknown {
  return (typeof value === 'object' && value !== null) || isJsonScalar(value) ? value : nothing
}

function isJsonScalar(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}
