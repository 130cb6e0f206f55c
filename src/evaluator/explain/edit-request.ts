import type { DecisionRequest } from '../decide.ts'
import type { BodyAtHand, JsonBody } from '../request/json-body.ts'
import { type QueryParameter, queryParameters } from '../request/query-parameters.ts'

export interface SentField {
  readonly in: 'query' | 'body'
  /** The parameter's name, or the names that lead to a field of the body. */
  readonly field: readonly string[]
  readonly value: string | number | boolean
}

/** The request with the field in place of what stands there now. What cannot be read is left as it is. */
export function sentWith(
  request: DecisionRequest,
  body: JsonBody,
  { in: place, field, value }: SentField,
): DecisionRequest {
  if (place === 'body')
    return body.kind === 'json'
      ? { ...request, body: valueBody(withMember(body.value, field, value)) }
      : request
  const [name = ''] = field
  const sent = queryParameters(request.path)
  if (sent === 'ambiguous_request') return request
  const others = sent.filter((one) => one.name !== name)
  return withQuery(request, [...others, { name, value: String(value), hasEncodedComma: false }])
}

/** The request without the field, in the query and in the body. */
export function sentWithout(
  request: DecisionRequest,
  body: JsonBody,
  field: readonly string[],
): DecisionRequest {
  const sent = queryParameters(request.path)
  const [name = '', member, ...deeper] = field
  const written = member === undefined ? name : `${name}[${member}]`
  const others =
    sent === 'ambiguous_request' || deeper.length > 0 ? undefined : sent.filter((one) => one.name !== written)
  const left = others === undefined || others.length === sent.length ? request : withQuery(request, others)
  if (body.kind !== 'json') return left
  const value = withoutMember(body.value, field)
  return { ...left, body: value === undefined ? { kind: 'none' } : valueBody(value) }
}

function withQuery(request: DecisionRequest, parameters: readonly QueryParameter[]): DecisionRequest {
  const [path = ''] = request.path.split('?', 1)
  const query = parameters.map(
    ({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  )
  return { ...request, path: query.length === 0 ? path : `${path}?${query.join('&')}` }
}

function valueBody(value: unknown): BodyAtHand {
  return { kind: 'value', mediaType: 'application/json', value }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withMember(value: unknown, [name, ...rest]: readonly string[], member: unknown): unknown {
  if (name === undefined) return member
  if (Array.isArray(value)) return value.map((item) => withMember(item, [name, ...rest], member))
  const entries = isObject(value) ? Object.entries(value) : []
  const before = entries.find(([other]) => other === name)?.[1]
  const others = entries.filter(([other]) => other !== name)
  return Object.fromEntries([...others, [name, withMember(before, rest, member)]])
}

/** What holds nothing any more is left out as well; `undefined`: nothing is left. */
function withoutMember(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutMember(item, names)).filter((item) => item !== undefined)
    return items.length === 0 ? undefined : items
  }
  const [name, ...rest] = names
  if (name === undefined) return undefined
  if (!isObject(value)) return value
  const entries = Object.entries(value).flatMap(([other, one]): (readonly [string, unknown])[] => {
    const left = other === name ? withoutMember(one, rest) : one
    return left === undefined ? [] : [[other, left]]
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
