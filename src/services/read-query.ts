import type { Fault } from '../errors.ts'
import type { ObjectShape, QueryArray, QueryRule, ScalarType, ValueShape } from '../evaluator/model.ts'
import { isObject, items, type JsonObject, member, text } from './json-value.ts'
import type { ShapeReader } from './read-value-shape.ts'
import { resolved } from './references.ts'

interface ReadQuery {
  readonly rules: ReadonlyMap<string, QueryRule>
  readonly warnings: readonly Fault[]
}

/**
 * The query parameters of one operation; what the operation declares overrides what its path item does
 * (OpenAPI 3.1 §4.8.9). What cannot be read exactly is told, and kept by its name alone.
 */
export function readQuery(
  document: JsonObject,
  shapes: ShapeReader,
  levels: readonly { readonly parameters: unknown; readonly place: string }[],
): ReadQuery {
  const declared = new Map<string, { readonly parameter: JsonObject; readonly place: string }>()
  for (const { parameters, place } of levels)
    for (const [i, item] of items(parameters).entries()) {
      const parameter = resolved(document, item)
      const name = text(member(parameter, 'name'))
      if (isObject(parameter) && name !== undefined && member(parameter, 'in') === 'query')
        declared.set(name, { parameter, place: `${place}/parameters/${i}` })
    }
  const rules = new Map<string, QueryRule>()
  const warnings: Fault[] = []
  for (const [name, { parameter, place }] of declared) {
    const { detail, ...read } = ruleOf(shapes, name, parameter)
    for (const [key, rule] of read.rules) rules.set(key, rule)
    if (detail !== undefined) warnings.push({ pointer: place, detail })
  }
  return { rules, warnings }
}

interface ReadParameter {
  readonly rules: readonly (readonly [string, QueryRule])[]
  /** What cannot be read of it. */
  readonly detail?: string
}

function ruleOf(shapes: ShapeReader, name: string, parameter: JsonObject): ReadParameter {
  if (member(parameter, 'content') !== undefined)
    return unreadable(name, 'its value is a document of its own')
  const { shape } = shapes.read(member(parameter, 'schema') ?? {})
  if (shape === 'any') return { rules: [[name, {}]] }
  if (typeof shape === 'string') return { rules: [[name, { type: shape }]] }
  const style = text(member(parameter, 'style')) ?? 'form'
  const exploded = member(parameter, 'explode') ?? style === 'form'
  const manner = `${style}${exploded === true ? ', exploded' : ''}`
  return 'items' in shape
    ? arrayRule(name, shape.items, manner)
    : objectRule(name, shape, manner, member(parameter, 'explode') !== undefined)
}

function unreadable(name: string, why: string): ReadParameter {
  return {
    rules: [[name, { unreadable: true }]],
    detail: `of the query parameter ${name} only the name is looked at, no condition on it holds: ${why}`,
  }
}

/** How arrays stand in a query (OpenAPI 3.1 §4.8.12.4); other manners are said to be "n/a". */
const arrays: Readonly<Record<string, QueryArray>> = {
  'form, exploded': 'repeated',
  form: 'comma',
  spaceDelimited: 'space',
  pipeDelimited: 'pipe',
}

function arrayRule(name: string, of: ValueShape, manner: string): ReadParameter {
  const array = Object.hasOwn(arrays, manner) ? arrays[manner] : undefined
  if (array === undefined) return unreadable(name, `an array has no form as ${manner}`)
  if (typeof of !== 'string') return unreadable(name, 'an array of arrays or objects has no form in a query')
  return { rules: [[name, { ...typed(of), array }]] }
}

function typed(shape: ScalarType | 'any'): QueryRule {
  return shape === 'any' ? {} : { type: shape }
}

function objectRule(name: string, shape: ObjectShape, manner: string, says: boolean): ReadParameter {
  // `deepObject` has one form only, whatever it says of `explode`.
  if (manner.startsWith('deepObject')) return { rules: [[name, { deepObject: shape }]] }
  if (manner !== 'form, exploded') return unreadable(name, `an object in the style ${manner}`)
  const members = Object.entries(shape.members)
  // Nothing is known of such an object, and many documents mean something else by it: its name stands for it.
  if (members.length === 0 && !says) return unreadable(name, 'an object without members')
  return {
    rules: members.map(([key, value]) => [
      key,
      typeof value === 'string' ? typed(value) : { unreadable: true },
    ]),
    ...(shape.open === true
      ? { detail: `members of ${name} that are not listed come as query parameters that are not declared` }
      : {}),
  }
}
