import type { Fault } from '../errors.ts'
import type { Operation, Statement } from '../evaluator/model.ts'
import { didYouMean, nearest } from '../evaluator/nearest.ts'
import { shapeOf } from '../evaluator/path-template.ts'
import { jsonPointer } from '../json-text.ts'
import { isObject, member } from './json-value.ts'

/** Parts of a statement that the evaluator does not enforce yet: accepting one would promise a limit that nobody keeps. */
const unenforced = ['where', 'fields', 'filter']

/** Finds operations by what a person writes: an `operationId`, or `METHOD /path` with any parameter names. */
export interface OperationNames {
  find(written: string): string | undefined
  fix(written: string): string
}

const methodAndPath = /^([A-Za-z]+):?\s*(\/.*)$/
const otherwise = 'name an operationId of the document, or METHOD /path'

export function operationNames(operations: readonly Operation[]): OperationNames {
  const ids = new Set(operations.map(({ id }) => id))
  const byShape = new Map(operations.map(({ id, method, path }) => [`${method} ${shapeOf(path)}`, id]))
  const spellings = new Map(
    operations.map(({ method, path }) => [`${method} ${shapeOf(path)}`, `${method} ${path}`]),
  )
  return {
    find(written) {
      if (ids.has(written)) return written
      const [, method, path] = methodAndPath.exec(written.trim()) ?? []
      return method === undefined || path === undefined
        ? undefined
        : byShape.get(`${method.toUpperCase()} ${shapeOf(path)}`)
    },
    fix(written) {
      const [, method, path] = methodAndPath.exec(written.trim()) ?? []
      if (method === undefined || path === undefined) return didYouMean(written, ids) ?? otherwise
      // Parameters' names are anybody's choice, so that they are left out of the comparison.
      const shape = nearest(`${method.toUpperCase()} ${shapeOf(path)}`, spellings.keys())
      return shape === undefined ? otherwise : `did you mean ${spellings.get(shape)}?`
    },
  }
}

/** Reads the statements of a role; the operations come out by their ids, each once. */
export function readStatements(
  value: unknown,
  names: OperationNames,
  place: string,
): { readonly allow: readonly Statement[]; readonly faults: readonly Fault[] } {
  if (!Array.isArray(value))
    return {
      allow: [],
      faults: [{ pointer: place, detail: 'allow is a list of statements', fix: '[{ operations: [ … ] }]' }],
    }
  const read = value.map((statement, i) => readStatement(statement, names, `${place}/${i}`))
  return { allow: read.map(({ statement }) => statement), faults: read.flatMap(({ faults }) => faults) }
}

function readStatement(
  value: unknown,
  names: OperationNames,
  place: string,
): { readonly statement: Statement; readonly faults: readonly Fault[] } {
  const faults: Fault[] = [...keyFaults(value, place)]
  const operations = new Set<string>()
  const listed = member(value, 'operations')
  if (!Array.isArray(listed) || listed.length === 0)
    faults.push({
      pointer: isObject(value) ? `${place}/operations` : place,
      detail: 'a statement lists its operations',
      fix: '{ operations: [ an operationId or METHOD /path, … ] }',
    })
  else
    for (const [i, written] of listed.entries()) {
      const at = `${place}/operations/${i}`
      if (typeof written !== 'string') {
        faults.push({ pointer: at, detail: 'an operation is named by a string', fix: names.fix('') })
        continue
      }
      const id = names.find(written)
      if (id === undefined)
        faults.push({ pointer: at, detail: `no operation ${written}`, fix: names.fix(written) })
      else operations.add(id)
    }
  return { statement: { operations: [...operations] }, faults }
}

function keyFaults(value: unknown, place: string): readonly Fault[] {
  const keys = isObject(value) ? Object.keys(value).filter((key) => key !== 'operations') : []
  return keys.map((key) => {
    const meant = unenforced.includes(key) ? key : nearest(key, ['operations', ...unenforced])
    return unenforced.includes(key)
      ? {
          pointer: place + jsonPointer(key),
          detail: `${key} is refused: the evaluator does not enforce it yet, so it would promise a limit that is not kept`,
          fix: `leave ${key} out and list only operations that may be allowed whole`,
        }
      : {
          pointer: place + jsonPointer(key),
          detail: `a statement has no ${key}`,
          fix: `did you mean ${meant ?? 'operations'}?`,
        }
  })
}
