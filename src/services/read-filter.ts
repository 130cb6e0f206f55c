import type { Fault } from '../errors.ts'
import type { FilterStatement } from '../evaluator/model.ts'
import { nearest } from '../evaluator/nearest.ts'
import type { PatternFault } from '../evaluator/request/check-field-patterns.ts'
import { printFieldPattern } from '../evaluator/request/field-pattern.ts'
import { undeclaredInResponses } from '../evaluator/response/check-filter-fields.ts'
import { readFilter } from '../evaluator/response/read-filter.ts'
import type { LooksLeft, ResponseShapes } from '../evaluator/response/response-shapes.ts'
import { jsonPointer } from '../json-text.ts'
import { entries, isObject, member } from './json-value.ts'
import type { OperationNames } from './operation-names.ts'
import { atOnce, inTurns } from './pace.ts'
import { byOwnFields, type Entry, readOperations } from './read-entries.ts'

/** Nobody reads more at once, and to look for what was meant is work for each. */
const faultsToldMax = 100
/** Objects and members of responses, for all filters of one role: some 100 ms. */
export const looksMax = 500_000
const filterKeys = ['operations', 'fields', 'mask']

/** What the filters of one role are held against. */
export interface FilterGround {
  readonly names: OperationNames
  /** Ids of the operations that the role itself allows: a filter for another one would be put over nothing. */
  readonly allowed: ReadonlySet<string>
  /** Absent: only their form is looked at. */
  readonly responses?: ResponseShapes | undefined
}

/** The same, with the looks at responses that are left for filters of the role. */
export type FilterGroundOfRole = FilterGround & { readonly left: LooksLeft }

interface ReadFilters {
  readonly filter: readonly FilterStatement[]
  readonly faults: readonly Fault[]
}

/** Reads the `filter` of a role: what is shown of responses. */
export function readFilters(value: unknown, ground: FilterGround, place: string): ReadFilters {
  return atOnce(readOneByOne(value, ground, place))
}

/** The same in pieces, so that others have their turn of the event loop. */
export function readFiltersInTurns(
  value: unknown,
  ground: FilterGround,
  place: string,
): Promise<ReadFilters> {
  return inTurns(readOneByOne(value, ground, place))
}

/** Yields each filter before it is read. */
function* readOneByOne(value: unknown, ground: FilterGround, place: string): Generator<unknown, ReadFilters> {
  if (!Array.isArray(value)) {
    const fix = '[{ operations: [ … ], fields: [ … ] }]'
    return { filter: [], faults: [{ pointer: place, detail: 'filter is a list of filters', fix }] }
  }
  const filter: FilterStatement[] = []
  const faults: Fault[] = []
  const ofRole = { ...ground, left: { looks: looksMax } }
  for (const [i, one] of value.entries()) {
    if (faults.length >= faultsToldMax) break
    yield one
    const read = readFilterStatement(one, ofRole, `${place}/${i}`)
    filter.push(...read.filter)
    faults.push(...read.faults)
  }
  return { filter, faults }
}

/** Entries that list fields of their own become filters of their own. */
export function readFilterStatement(value: unknown, ground: FilterGroundOfRole, place: string): ReadFilters {
  const { entries: named, faults } = readOperations(value, ground.names, place)
  faults.push(...keyFaults(value, place), ...named.flatMap((entry) => unallowedFault(entry, ground.allowed)))
  const [fields, mask] = [member(value, 'fields'), member(value, 'mask')]
  if (mask !== undefined && typeof mask !== 'string') {
    faults.push({ pointer: `${place}/mask`, detail: 'a mask is a text', fix: "write '***'" })
    return { filter: [], faults }
  }
  const groups = byOwnFields(named)
  const read = Array.from(groups.values(), (group) => readShown(group, { fields, mask }, ground, place))
  return {
    filter: read.flatMap(({ filter }) => filter),
    faults: [...faults, ...read.flatMap((one) => one.faults)],
  }
}

/** @param group entries that list the same fields, or none */
function readShown(
  group: readonly Entry[],
  given: { readonly fields: unknown; readonly mask: string | undefined },
  { responses, left }: FilterGroundOfRole,
  place: string,
): ReadFilters {
  const [first] = group
  const isOwn = first?.fields !== undefined
  const pointer = isOwn ? first.pointer : `${place}/fields`
  if (isOwn && given.fields !== undefined) {
    const detail = 'the fields stand both at the operation and at the filter'
    return { filter: [], faults: [{ pointer, detail, fix: 'leave one of the two out' }] }
  }
  const written = first?.fields ?? given.fields
  if (!Array.isArray(written) || !written.every((field) => typeof field === 'string')) {
    const fix = '[metadata.name, vpc.subnets.*]'
    return { filter: [], faults: [{ pointer, detail: 'a filter lists the fields that are shown', fix }] }
  }
  const read = readFilter(written, given.mask)
  const placed = ({ index, detail, fix }: PatternFault): Fault => ({
    pointer: index === undefined || isOwn ? pointer : `${pointer}/${index}`,
    ...{ detail, fix },
  })
  if ('faults' in read) return { filter: [], faults: read.faults.map(placed) }
  const { fields, mask } = read.filter
  const operations = [...new Set(group.map(({ operation }) => operation.id))]
  const undeclared = responses === undefined ? [] : undeclaredInResponses(fields, operations, responses, left)
  if (undeclared.length > 0) return { filter: [], faults: undeclared.map(placed) }
  const shown = [...new Set(fields.map(printFieldPattern))]
  return { filter: [{ operations, fields: shown, ...(mask === undefined ? {} : { mask }) }], faults: [] }
}

function unallowedFault({ operation, pointer }: Entry, allowed: ReadonlySet<string>): readonly Fault[] {
  if (allowed.has(operation.id)) return []
  const detail = `the role itself does not allow ${operation.id}, so that this filter is put over nothing`
  return [{ pointer, detail, fix: 'put the filter into the role whose allow names the operation' }]
}

function keyFaults(value: unknown, place: string): readonly Fault[] {
  if (!isObject(value)) return []
  return entries(value)
    .filter(([key]) => !filterKeys.includes(key))
    .map(([key]) => ({
      pointer: place + jsonPointer(key),
      detail: `a filter has no ${key}`,
      fix: `did you mean ${nearest(key, filterKeys) ?? filterKeys.join(' or ')}?`,
    }))
}
