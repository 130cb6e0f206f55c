import type { Operation, ScalarType, ValueShape } from '../model.ts'
import { satisfies } from '../parameter-rule.ts'
import { fold } from '../path-trie.ts'
import type { RequestVariable } from '../where/condition.ts'
import type { RequestReading } from '../where/condition-facts.ts'
import { type Decimal, decimalOf } from '../where/decimal.ts'
import { bodyValues } from './body-values.ts'
import type { QueryField, RequestAtHand } from './request-at-hand.ts'
import { type RequestSource, sourceOf } from './request-source.ts'

/** What a condition may read; or `ambiguous_request`: readers of the request may differ on what is there. */
export type RequestValues = RequestReading | 'ambiguous_request'

/**
 * The values of a variable in one request. `unusable` also where the document does not say, or says no longer, in which
 * one place the variable stands. A condition can do no more with `ambiguous_request` than with `unusable`.
 */
export function requestValues(request: RequestAtHand, variable: RequestVariable): RequestValues {
  const source = keptSource(variable, request.operation)
  switch (source?.in) {
    case undefined:
      return 'unusable'
    case 'path':
      return pathValues(request, source)
    case 'query':
    case 'query_object':
      return queryValues(request, source)
    case 'body':
      return valuesOfBody(request, source)
    default:
      throw new Error(`unknown source: ${source satisfies never}`)
  }
}

/** By the condition's own variable, and the operation of the model: neither changes, and both go with their role or document. */
const kept = new WeakMap<
  RequestVariable,
  WeakMap<Operation, { readonly source: RequestSource | undefined }>
>()

function keptSource(variable: RequestVariable, operation: Operation): RequestSource | undefined {
  const known = kept.get(variable)?.get(operation)
  if (known !== undefined) return known.source
  const source = sourceOf(variable, operation)
  const byOperation = kept.get(variable) ?? new WeakMap()
  kept.set(variable, byOperation.set(operation, { source }))
  return source
}

type SourceIn<K extends RequestSource['in']> = Extract<RequestSource, { in: K }>

function pathValues(request: RequestAtHand, { name, rule }: SourceIn<'path'>): RequestValues {
  const { parameters } = request
  const text = Object.hasOwn(parameters, name) ? parameters[name] : undefined
  if (text === undefined) return request.isTargetKnown ? 'unusable' : 'body_not_at_hand'
  return valuesOfTexts([text], rule.type)
}

function valuesOfBody({ body }: RequestAtHand, { path, shape }: SourceIn<'body'>): RequestValues {
  switch (body.kind) {
    case 'json':
      return bodyValues(body.value, shape, path)
    case 'none':
      return 'absent'
    case 'body_required':
      return 'body_not_at_hand'
    case 'ambiguous_request':
      return body.kind
    default:
      throw new Error(`unknown body: ${body satisfies never}`)
  }
}

function queryValues({ query }: RequestAtHand, source: SourceIn<'query' | 'query_object'>): RequestValues {
  if (query === 'ambiguous_request') return query
  if (query === 'not_at_hand') return 'body_not_at_hand'
  const texts: string[] = []
  for (const field of query) {
    const fit = source.in === 'query' ? fitOf(field, source.name) : fitOfMember(field, source)
    if (fit === 'other') continue
    const more = fit === 'same' ? textsOf(source, field) : 'ambiguous_request'
    if (typeof more === 'string') return more
    texts.push(...more)
  }
  if (texts.length === 0) return 'absent'
  return valuesOfTexts(texts, source.in === 'query' ? source.rule.type : scalarOf(source.shape))
}

/** The texts of one parameter that was sent. */
function textsOf(
  source: SourceIn<'query' | 'query_object'>,
  { sent }: QueryField,
): readonly string[] | 'unusable' | 'ambiguous_request' {
  if (source.in === 'query_object')
    return source.shape === 'any' || scalarOf(source.shape) !== undefined ? [sent.value] : 'unusable'
  const { array, deepObject, unreadable } = source.rule
  if (unreadable === true || deepObject !== undefined) return 'unusable'
  if (array === undefined || array === 'repeated') return [sent.value]
  if (sent.value === '') return 'unusable'
  // A comma as part of a value is sent as %2C (RFC 6570 §3.2.1); many clients send it so where it parts values.
  if (array === 'comma' && sent.hasEncodedComma) return 'ambiguous_request'
  return sent.value.split(delimiters[array])
}

const delimiters = { comma: ',', space: ' ', pipe: '|' } as const

type Fit = 'same' | 'other' | 'ambiguous'

/** What the document declares by that very name is another parameter; what some reader takes for the name is ambiguous. */
function fitOf({ path, rule, sent }: QueryField, name: string): Fit {
  if (sent.name === name) return 'same'
  const [first, member] = path
  // A member of the object that is asked for: then it is there, and is no value.
  if (member !== undefined && first === name) return 'same'
  if (rule !== undefined) return 'other'
  const near = asReadElsewhere(sent.name)
  const asked = asReadElsewhere(name)
  return near === asked || (near.startsWith(asked) && '[]'.includes(near.charAt(asked.length)))
    ? 'ambiguous'
    : 'other'
}

/**
 * Some readers look for parameters in any letter case, and take `name[]` and `name[x]` for `name`. `qs`, which Express may
 * be set to, and Rack take `[name]` for it, too; PHP leaves out spaces in front, and reads `.` and a space as `_`.
 */
function asReadElsewhere(name: string): string {
  return fold(name)
    .replace(/^[ [\]]+/, '')
    .replaceAll(/[. ]/g, '_')
}

function fitOfMember(field: QueryField, { name, member }: SourceIn<'query_object'>): Fit {
  const [first, other] = field.path
  if (first === name && other === member) return 'same'
  // `name=…` beside or in place of `name[member]=…`: what becomes of the object is the reader's choice.
  if (first === name) return other === undefined || fold(other) === fold(member) ? 'ambiguous' : 'other'
  if (field.rule !== undefined) return 'other'
  // Spring reads `name.member` so, and `qs` can be told to.
  const isDotted = fold(field.sent.name) === fold(`${name}.${member}`)
  return isDotted || fitOf(field, name) === 'ambiguous' ? 'ambiguous' : 'other'
}

function scalarOf(shape: ValueShape): ScalarType | undefined {
  return typeof shape === 'string' && shape !== 'any' ? shape : undefined
}

/** Typed as the document says; all of them, or none is usable. */
function valuesOfTexts(texts: readonly string[], type: ScalarType | undefined): RequestValues {
  if (type === undefined || type === 'string') return texts
  const rule = { type }
  if (!texts.every((text) => satisfies(rule, text))) return 'unusable'
  return type === 'boolean' ? texts.map((text) => text === 'true') : texts.map(numberOf)
}

/** Exactly the number that was sent, however long. */
function numberOf(text: string): number | Decimal {
  const number = Number(text)
  return String(number) === text ? number : (decimalOf(text) ?? number)
}
