import type { Operation, ScalarType } from '../model.ts'
import type { RequestPlace, RequestVariable } from '../where/condition.ts'
import { printVariable } from '../where/variable-name.ts'
import { declaredFields, fixFor } from './declared-fields.ts'
import { itemOf, type RequestSource, shapeAt, sourcesOf } from './request-source.ts'

/** What a condition may expect of a variable of the request: where it stands, and the type of its values. */
export interface CheckedVariable {
  readonly in: RequestPlace
  /** `object`: it has no value to compare, and can only be asked whether it is there. */
  readonly type: ScalarType | 'any' | 'object'
}

export interface VariableFault {
  readonly detail: string
  readonly fix: string
}

/** Whether the document of an operation says where a variable stands, in one place alone. */
export function checkRequestVariable(
  variable: RequestVariable,
  operation: Operation,
): CheckedVariable | VariableFault {
  const { declared, permitted } = sourcesOf(variable, operation)
  const sources = declared.length > 0 ? declared : permitted
  const [source, ...others] = sources
  if (source === undefined) return undeclared(variable, operation)
  if (others.length > 0) return several(variable, sources)
  if (source.in === 'query' && source.rule.unreadable === true)
    return {
      detail: `no condition on ${printVariable(variable)} holds: its value cannot be read exactly`,
      fix: 'leave it out, or have the document declare it with a schema, as a scalar or an array of them',
    }
  return { in: placeOf(source), type: typeOf(source) }
}

function placeOf(source: RequestSource): RequestPlace {
  return source.in === 'query_object' ? 'query' : source.in
}

function typeOf(source: RequestSource): CheckedVariable['type'] {
  if (source.in === 'path') return source.rule.type ?? 'any'
  if (source.in === 'query')
    return source.rule.deepObject === undefined ? (source.rule.type ?? 'any') : 'object'
  const at = source.in === 'body' ? shapeAt(source.shape, source.path)?.shape : source.shape
  const item = itemOf(at ?? 'any')
  return typeof item === 'string' ? item : 'object'
}

function several(variable: RequestVariable, sources: readonly RequestSource[]): VariableFault {
  const words = { path: 'a path parameter', query: 'a query parameter', body: 'a field of the body' } as const
  const places = sources.map(placeOf)
  const { path } = variable
  // A member of a query parameter has no spelling of its own: its place is not asked for by two names.
  const spellings = places
    .filter((from) => from === 'body' || path.length === 1)
    .map((from) => printVariable({ of: 'request', path, from }))
  return {
    detail: `${printVariable(variable)} is ${places.map((place) => words[place]).join(' and ')}`,
    fix: `write ${spellings.join(' or ')}`,
  }
}

function undeclared(variable: RequestVariable, operation: Operation): VariableFault {
  const { path, from } = variable
  const fields = declaredFields(operation).filter((field) => from === undefined || field.in === from)
  const print = (field: { readonly path: readonly string[] }) =>
    printVariable({ of: 'request', path: field.path, ...(from === undefined ? {} : { from }) })
  const bodyless = from === 'body' && operation.request?.body === undefined
  const why = bodyless
    ? `${operation.id} takes no JSON body`
    : `the document declares no ${printVariable(variable)} of ${operation.id}`
  return { detail: why, fix: fixFor(path, fields, print) }
}
