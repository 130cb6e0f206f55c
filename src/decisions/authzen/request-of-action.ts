import { encodeSegment } from '../../evaluator/canonical-path.ts'
import type { CompiledModel } from '../../evaluator/compile-model.ts'
import type { DecisionRequest } from '../../evaluator/decide.ts'
import { findOperations } from '../../evaluator/find-operations.ts'
import type { Operation } from '../../evaluator/model.ts'
import type { PathTemplate, TemplateSegment } from '../../evaluator/path-template.ts'
import { queryOf } from './asked-query.ts'
import { idsIn, type OperationPlace } from './operation-places.ts'

export type Properties = Readonly<Record<string, unknown>>

/**
 * The request that an action on a resource is. The action's properties are what comes with it: the path's other
 * parameters, the query, the body. `undefined`: no request leads there.
 * @param properties absent: nothing is known of query and body
 */
export function requestOfAction(
  model: CompiledModel,
  place: OperationPlace,
  id: string,
  properties: Properties | undefined,
): DecisionRequest | undefined {
  const { operation, path: template } = place
  const ids = idsIn(place, id)
  if (ids === undefined) return undefined
  const given = new Map(Object.entries(properties ?? {}))
  const values = new Map(place.ids.map((name, i) => [name, ids[i] ?? '']))
  for (const name of template.names) {
    const value = given.get(name)
    if (!values.has(name) && isScalar(value)) values.set(name, String(value))
    given.delete(name)
  }
  const path = pathWith(model, template, values)
  if (path === undefined || !leadsTo(model, operation, path)) return undefined
  const request = { method: operation.method, path: path + queryOf(operation, given) }
  const body = properties && bodyOf(operation, given)
  return body === undefined ? request : { ...request, body }
}

export function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

/** `undefined` where the value of a parameter is not known. */
function pathWith(
  { model: { basePaths } }: CompiledModel,
  { segments, trailingSlash, names }: PathTemplate,
  values: ReadonlyMap<string, string>,
): string | undefined {
  if (!names.every((name) => values.has(name))) return undefined
  const written = segments.map((segment) => writtenSegment(segment, values)).join('')
  return `${basePaths[0] ?? ''}${written}${trailingSlash || written === '' ? '/' : ''}`
}

function writtenSegment(segment: TemplateSegment, values: ReadonlyMap<string, string>): string {
  switch (segment.kind) {
    case 'literal':
      return `/${encodeSegment(segment.text)}`
    case 'parameter':
      return `/${encodeSegment(values.get(segment.name) ?? '')}`
    case 'mixed': {
      const [first = '', ...rest] = segment.literals
      const parts = rest.map((text, i) => encodeSegment(values.get(segment.names[i] ?? '') ?? '') + text)
      return `/${first}${parts.join('')}`
    }
    default:
      throw new Error(`unknown segment: ${segment satisfies never}`)
  }
}

/** An id may read as something else in a path: `/patients/search` is no patient where the document has a search. */
function leadsTo({ paths }: CompiledModel, { id, method }: Operation, path: string): boolean {
  const found = findOperations(paths, method, path)
  return found.kind === 'found' && found.matches.some(({ indexed }) => indexed.operation.id === id)
}

/** What is neither in the path nor in the query, where the operation takes a body at all. */
function bodyOf(
  { request, method }: Operation,
  given: ReadonlyMap<string, unknown>,
): DecisionRequest['body'] {
  const takesBody = request?.body !== undefined || ['POST', 'PUT', 'PATCH'].includes(method)
  const members = [...given].filter(([name]) => !Object.hasOwn(request?.query ?? {}, name))
  if (!takesBody || members.length === 0) return { kind: 'none' }
  return { kind: 'value', mediaType: 'application/json', value: Object.fromEntries(members) }
}
