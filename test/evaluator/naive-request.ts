import type { RequestReading } from '../../src/evaluator/where/condition-facts.ts'

/** A request's query and JSON body, as anybody would write them down. */
export interface PlainRequest {
  readonly query: readonly (readonly [name: string, value: string])[]
  /** `undefined`: it has none. */
  readonly body: unknown
  /** There is one, and nobody has read it. */
  readonly isBodyUnread?: true
}

/** The leaves of a JSON value by the names that lead to them; what is in lists has no name of its own. */
function leaves(value: unknown, names: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [names]
  const inside: (readonly string[])[] = []
  for (const [name, one] of Object.entries(value))
    inside.push(...leaves(one, Array.isArray(value) ? names : [...names, name]))
  return inside.length === 0 ? [names] : inside
}

export function covers(pattern: string, names: readonly string[]): boolean {
  const steps = pattern.split('.')
  return steps.length <= names.length && steps.every((step, index) => step === '*' || step === names[index])
}

/** Why a statement's `fields` do not hold a request; nothing if they do, as far as it was read. */
export function naiveFieldsVerdict(
  fields: readonly string[],
  { query, body, isBodyUnread }: PlainRequest,
  isAmbiguous: boolean,
): readonly string[] {
  if (isAmbiguous) return ['ambiguous_request']
  const hasNoBody = body === undefined || isBodyUnread === true
  const present = [...query.map(([name]) => [name]), ...(hasNoBody ? [] : leaves(body))]
  return present.every((names) => fields.some((pattern) => covers(pattern, names)))
    ? []
    : ['field_not_allowed']
}

/** The values of the parameter `a` and of the body's field `b`, which may be anything. */
export function naiveReadings({ query, body }: PlainRequest): Readonly<Record<string, RequestReading>> {
  const sent = query.filter(([name]) => name === 'a').map(([, value]) => value)
  const isAmbiguous = new Set(query.map(([name]) => name)).size < query.length
  const ofQuery: RequestReading = sent.length === 0 ? 'absent' : sent
  return { a: isAmbiguous ? 'unusable' : ofQuery, b: bodyReading(body) }
}

function bodyReading(body: unknown): RequestReading {
  if (body === undefined) return 'absent'
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'unusable'
  const value = Object.entries(body).find(([name]) => name === 'b')
  if (value === undefined) return 'absent'
  const list: unknown[] = [value[1]].flat()
  const scalars = list.filter(
    (one) => typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean',
  )
  return list.length === 0 || scalars.length < list.length ? 'unusable' : scalars
}
