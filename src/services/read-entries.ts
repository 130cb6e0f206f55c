import type { Fault } from '../errors.ts'
import { isObject, member } from './json-value.ts'
import { entryText, type NamedOperation, type OperationNames } from './operation-names.ts'

/** Of one list: to look for what was meant is work for each. */
const faultsToldMax = 20

/** An operation in the list of a statement or a filter, and where it stands. */
export interface Entry extends NamedOperation {
  readonly pointer: string
}

/** Reads the `operations` of a statement or a filter. */
export function readOperations(
  value: unknown,
  names: OperationNames,
  place: string,
): { readonly entries: readonly Entry[]; readonly faults: Fault[] } {
  const listed = member(value, 'operations')
  if (!Array.isArray(listed) || listed.length === 0) {
    const pointer = isObject(value) ? `${place}/operations` : place
    const fix = '{ operations: [ an operationId or METHOD /path, … ] }'
    return { entries: [], faults: [{ pointer, detail: 'a statement lists its operations', fix }] }
  }
  const entries: Entry[] = []
  const faults: Fault[] = []
  for (const [i, written] of listed.entries()) {
    if (faults.length === faultsToldMax) break
    const pointer = `${place}/operations/${i}`
    const text = entryText(written)
    const named = text === undefined ? undefined : names.find(text)
    if (named !== undefined) entries.push({ ...named, pointer })
    else if (text === undefined)
      faults.push({ pointer, detail: 'an operation is named by a string', fix: names.fix('') })
    else faults.push({ pointer, detail: `no operation ${text}`, fix: names.fix(text) })
  }
  return { entries, faults }
}

/** Those that list the same fields of their own together, and those that list none. */
export function byOwnFields(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  return Map.groupBy(entries, ({ fields }) => (fields === undefined ? '' : JSON.stringify(fields)))
}
