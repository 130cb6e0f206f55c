import type { Operation, ParameterRule, QueryRule, ValueShape } from '../model.ts'
import type { RequestVariable } from '../where/condition.ts'

/** Where in a request a variable's values stand, and what the document says of them. */
export type RequestSource =
  | { readonly in: 'path'; readonly name: string; readonly rule: ParameterRule }
  | { readonly in: 'query'; readonly name: string; readonly rule: QueryRule }
  | {
      readonly in: 'query_object'
      readonly name: string
      readonly member: string
      readonly shape: ValueShape
    }
  | { readonly in: 'body'; readonly path: readonly string[]; readonly shape: ValueShape }

export interface RequestSources {
  /** The places that the document names. */
  readonly declared: readonly RequestSource[]
  /** Those that it leaves open: a member of any name may come there. */
  readonly permitted: readonly RequestSource[]
}

/**
 * The places that a variable may mean: `name` a parameter of the path or the query, or a field of the body; `a:b` a
 * field of the body, or a member of a query parameter that is an object.
 */
export function sourcesOf({ path, from }: RequestVariable, operation: Operation): RequestSources {
  const { parameters, request } = operation
  const [name = '', member, ...deeper] = path
  const declared: RequestSource[] = []
  const permitted: RequestSource[] = []
  if ((from ?? 'path') === 'path' && member === undefined) {
    const rule = own(parameters, name)
    if (rule !== undefined) declared.push({ in: 'path', name, rule })
  }
  const query = (from ?? 'query') === 'query' ? own(request?.query ?? {}, name) : undefined
  if (query !== undefined && member === undefined) declared.push({ in: 'query', name, rule: query })
  if (query?.deepObject !== undefined && member !== undefined && deeper.length === 0) {
    const found = shapeAt(query.deepObject, [member])
    const list = found?.isNamed === true ? declared : permitted
    if (found !== undefined) list.push({ in: 'query_object', name, member, shape: found.shape })
  }
  if ((from ?? 'body') === 'body' && request?.body !== undefined) {
    const found = shapeAt(request.body, path)
    const list = found?.isNamed === true ? declared : permitted
    if (found !== undefined) list.push({ in: 'body', path, shape: request.body })
  }
  return { declared, permitted }
}

/** The one place that a variable means; `undefined` if there is none, or more than one. */
export function sourceOf(variable: RequestVariable, operation: Operation): RequestSource | undefined {
  const { declared, permitted } = sourcesOf(variable, operation)
  const [only, ...others] = declared.length > 0 ? declared : permitted
  return others.length === 0 ? only : undefined
}

/** What the document says of the value that names lead to; lists take no name. `undefined`: there is no such place. */
export function shapeAt(
  shape: ValueShape,
  path: readonly string[],
): { readonly shape: ValueShape; readonly isNamed: boolean } | undefined {
  let at = shape
  for (const name of path) {
    at = itemOf(at)
    if (at === 'any') return { shape: 'any', isNamed: false }
    if (typeof at === 'string' || !('members' in at)) return undefined
    const next = own(at.members, name)
    if (next === undefined) return at.open === true ? { shape: 'any', isNamed: false } : undefined
    at = next
  }
  return { shape: at, isNamed: true }
}

/** What is in the lists, of lists within one another too. */
export function itemOf(shape: ValueShape): ValueShape {
  let at = shape
  while (typeof at === 'object' && 'items' in at) at = at.items
  return at
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
