import { methods, type Operation } from '../evaluator/model.ts'
import { didYouMean, nearest } from '../evaluator/nearest.ts'
import { parameterNames, shapeOf } from '../evaluator/path-template.ts'
import { isObject } from './json-value.ts'

/** An operation as an entry of a list names it. */
export interface NamedOperation {
  readonly operation: Operation
  /** Those that the entry lists itself: `PUT:/clusters/{id}:[metadata, nodeGroups.maxSize]`. */
  readonly fields?: readonly string[]
  /** Names of path parameters as they are written, by which the document has other names at the same places. */
  readonly renamed: ReadonlyMap<string, string>
}

/** Finds operations by what a person writes: an `operationId`, or `METHOD /path` with any parameter names. */
export interface OperationNames {
  find(written: string): NamedOperation | undefined
  fix(written: string): string
}

const methodAndPath = /^([A-Za-z]+)(?:\s*:)?\s*(\/.*)$/
const withFields = /^(.*\S)\s*:\s*\[([^[\]]*)\]$/s
const otherwise = 'name an operationId of the document, or METHOD /path'

export function operationNames(operations: readonly Operation[]): OperationNames {
  const byId = new Map(operations.map((operation) => [operation.id, operation]))
  const byShape = new Map(operations.map((operation) => [shapeOfOperation(operation), operation]))
  const find = (written: string): NamedOperation | undefined => {
    const operation = byId.get(written)
    if (operation !== undefined) return { operation, renamed: new Map() }
    const [, method, path] = methodAndPath.exec(written) ?? []
    if (method === undefined || path === undefined) return undefined
    const found = byShape.get(shapeOfOperation({ method, path }))
    return found && { operation: found, renamed: renamedParameters(path, found.path) }
  }
  return {
    find(written) {
      const text = written.trim()
      const whole = find(text)
      if (whole !== undefined) return whole
      const [, named, listed] = withFields.exec(text) ?? []
      const found = named === undefined ? undefined : find(named)
      const fields = (listed ?? '').split(',').map((field) => field.trim())
      return found && { ...found, fields: fields.filter((field) => field !== '') }
    },
    fix(written) {
      const text = withFields.exec(written.trim())?.[1] ?? written.trim()
      const [, method, path] = methodAndPath.exec(text) ?? []
      if (method === undefined || path === undefined) return didYouMean(text, byId.keys()) ?? otherwise
      // Parameters' names are anybody's choice, so that they are left out of the comparison.
      const shape = nearest(shapeOfOperation({ method, path }), byShape.keys())
      const meant = shape === undefined ? undefined : byShape.get(shape)
      return meant === undefined ? otherwise : `did you mean ${meant.method} ${meant.path}?`
    },
  }
}

function shapeOfOperation({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method.toUpperCase()} ${shapeOf(path)}`
}

function renamedParameters(written: string, documented: string): ReadonlyMap<string, string> {
  const names = parameterNames(documented)
  const pairs = parameterNames(written).flatMap((name, i) => {
    const own = names[i]
    return own === undefined || own === name ? [] : [[name, own] as const]
  })
  return new Map(pairs)
}

/** YAML reads the entry `PUT: /clusters/{id}` as a map of one member; it is the text that it looks like. */
export function entryText(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry
  const [only, ...others] = isObject(entry) ? Object.entries(entry) : []
  if (only === undefined || others.length > 0) return undefined
  const [method, path] = only
  const isMethod = methods.some((known) => known === method.toUpperCase())
  return isMethod && typeof path === 'string' ? `${method} ${path}` : undefined
}
