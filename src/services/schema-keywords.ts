// What keywords of JSON Schema say by themselves, whatever is made of them.
import { entries, isObject, items, type JsonObject, member } from './json-value.ts'

/** The types that the schema names or implies, `null` aside. */
export function typesOf(schema: JsonObject): readonly unknown[] {
  const named = member(schema, 'type')
  if (named !== undefined) return (Array.isArray(named) ? named : [named]).filter((one) => one !== 'null')
  if (['properties', 'patternProperties', 'additionalProperties'].some((key) => Object.hasOwn(schema, key)))
    return ['object']
  if (Object.hasOwn(schema, 'items') || Object.hasOwn(schema, 'prefixItems')) return ['array']
  const values = Object.hasOwn(schema, 'const') ? [schema['const']] : items(member(schema, 'enum'))
  return [...new Set(values.filter((value) => value !== null).map((value) => typeof value))]
}

/** Whether a schema allows nothing but `null`. */
export function isNull(schema: unknown): boolean {
  const type = member(schema, 'type')
  return type === 'null' || (Array.isArray(type) && type.length > 0 && type.every((one) => one === 'null'))
}

/** Schemas of which a value may fit one, or some, or not. */
export function alternativesOf(schema: JsonObject): readonly unknown[] {
  return [
    ...items(member(schema, 'oneOf')),
    ...items(member(schema, 'anyOf')),
    ...['if', 'then', 'else'].map((key) => member(schema, key)).filter((one) => one !== undefined),
    ...entries(member(schema, 'dependentSchemas')).map(([, one]) => one),
  ]
}

/**
 * Every object is open in JSON Schema unless it is closed; but a document that lists members and says no more means
 * them, and a misspelt name would go unseen. Open is where it says so, or where others build on it by `allOf` and stand in
 * its place (OpenAPI 3.1 §4.8.25), which it does not list.
 */
export function isOpen(schema: JsonObject): boolean {
  const others = ['additionalProperties', 'unevaluatedProperties'].map((key) => member(schema, key))
  const isNamed = ['oneOf', 'anyOf'].some((key) => Object.hasOwn(schema, key))
  return (
    others.some((one) => one === true || isObject(one)) ||
    ['patternProperties', 'propertyNames'].some((key) => Object.hasOwn(schema, key)) ||
    (Object.hasOwn(schema, 'discriminator') && !isNamed)
  )
}
