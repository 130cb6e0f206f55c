import type { Fault } from '../errors.ts'
import type { ParameterRule } from '../evaluator/model.ts'
import { didYouMean } from '../evaluator/nearest.ts'
import { parameterNames } from '../evaluator/path-template.ts'
import { jsonPointer } from '../json-text.ts'
import { isObject, items, type JsonObject, member, text } from './json-value.ts'
import { resolved } from './references.ts'

/** A parameter with the place where it stands. */
interface Placed {
  readonly parameter: JsonObject
  readonly place: string
}

interface PathParameters {
  readonly rules: Readonly<Record<string, ParameterRule>>
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
}

/**
 * The rules of a path's parameters for one operation; what the operation declares overrides what its path item does
 * (OpenAPI 3.1 §4.8.9).
 */
export function readPathParameters(
  document: JsonObject,
  path: string,
  levels: readonly { readonly parameters: unknown; readonly place: string }[],
  operationPlace: string,
): PathParameters {
  const faults: Fault[] = []
  const warnings: Fault[] = []
  const declared = new Map<string, Placed>()
  for (const { parameters, place } of levels)
    for (const [i, item] of items(parameters).entries()) {
      const parameter = resolved(document, item)
      const name = text(member(parameter, 'name'))
      if (isObject(parameter) && name !== undefined && member(parameter, 'in') === 'path')
        declared.set(name, { parameter, place: `${place}/parameters/${i}` })
    }
  const names = parameterNames(path)
  const rules: [string, ParameterRule][] = []
  for (const name of names) {
    const placed = declared.get(name)
    if (placed === undefined) faults.push(undeclared(name, operationPlace, declared.keys()))
    else rules.push([name, ruleOf(document, path, name, placed, faults, warnings)])
  }
  for (const [name, { place }] of declared)
    if (!names.includes(name))
      warnings.push({ pointer: place, detail: `the path ${path} has no parameter {${name}}` })
  return { rules: Object.fromEntries(rules), faults, warnings }
}

function undeclared(name: string, place: string, declared: Iterable<string>): Fault {
  const meant = didYouMean(name, declared)
  const declare = `declare it under parameters: { name: ${name}, in: path, required: true, schema: … }`
  return {
    pointer: place,
    detail: `the path parameter {${name}} is not declared`,
    fix: meant === undefined ? declare : `${meant} Otherwise ${declare}`,
  }
}

function ruleOf(
  document: JsonObject,
  path: string,
  name: string,
  { parameter, place }: Placed,
  faults: Fault[],
  warnings: Fault[],
): ParameterRule {
  for (const key of ['x-latchkey-encoded-slash', 'x-latchkey-multi-segment'])
    if (!['boolean', 'undefined'].includes(typeof member(parameter, key)))
      faults.push({ pointer: `${place}/${key}`, detail: `${key} is true or false` })
  const takesRest =
    member(parameter, 'x-latchkey-multi-segment') === true || member(parameter, 'x-multi-segment') === true
  // Within a path it cannot be told where such a value ends; there it takes one segment.
  const atEnd = path.endsWith(`/{${name}}`)
  if (takesRest && !atEnd)
    warnings.push({
      pointer: place,
      detail: `{${name}} can take several segments only at the end of a path; in ${path} it takes one`,
    })
  return {
    ...schemaRule(resolved(document, member(parameter, 'schema') ?? contentSchema(parameter))),
    ...(takesRest && atEnd ? { multiSegment: true as const } : {}),
    ...(member(parameter, 'x-latchkey-encoded-slash') === true ? { encodedSlash: true as const } : {}),
  }
}

/** A parameter with `content` is serialized, so that its schema says nothing of the text in the path. */
function contentSchema(parameter: JsonObject): unknown {
  return member(parameter, 'content') === undefined ? undefined : {}
}

const types = ['string', 'integer', 'number', 'boolean'] as const

function schemaRule(schema: unknown): ParameterRule {
  const named = member(schema, 'type')
  // OpenAPI 3.1 allows a list; a rule is kept where it leaves one type besides null, which no path can hold.
  const left = Array.isArray(named) ? named.filter((one) => one !== 'null') : [named]
  const type = left.length === 1 ? types.find((known) => known === left[0]) : undefined
  const values = items(member(schema, 'enum')).filter((value) => value !== null)
  const plain = values.every((value) => ['string', 'number', 'boolean'].includes(typeof value))
  const isText = type === 'string'
  const isNumber = type === 'integer' || type === 'number'
  return {
    ...(type === undefined ? {} : { type }),
    ...(values.length > 0 && plain ? { enum: values.map(String) } : {}),
    ...(isText ? { ...bound(schema, 'minLength'), ...bound(schema, 'maxLength') } : {}),
    ...(isNumber ? { ...bound(schema, 'minimum'), ...bound(schema, 'maximum') } : {}),
    ...(isText && member(schema, 'format') === 'uuid' ? { format: 'uuid' as const } : {}),
  }
}

function bound<K extends string>(schema: unknown, key: K): Partial<Record<K, number>> {
  const value = member(schema, key)
  // Sound: the one key is of K.
  return typeof value === 'number' && Number.isFinite(value)
    ? ({ [key]: value } as Partial<Record<K, number>>)
    : {}
}

/** The parameter that an extension names; a fault where the path has none of that name. */
export function namedParameter(
  value: unknown,
  path: string,
  key: string,
  place: string,
): { readonly name?: string; readonly fault?: Fault } {
  if (value === undefined) return {}
  const at = `${place}${jsonPointer(key)}`
  const names = parameterNames(path)
  const name = text(value)
  if (name !== undefined && names.includes(name)) return { name }
  const listed =
    names.length === 0 ? 'the path has none' : `the path has ${names.map((n) => `{${n}}`).join(', ')}`
  return { fault: { pointer: at, detail: `${key} names no parameter of ${path}`, fix: listed } }
}
