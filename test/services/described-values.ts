import fc from 'fast-check'
import { anyName, printFieldPattern } from '../../src/evaluator/request/field-pattern.ts'

/** A JSON Schema, those that it refers to, and a value that fits it. */
interface Described {
  readonly schema: object
  readonly schemas: Readonly<Record<string, object>>
  readonly value: unknown
}

const name = fc.constantFrom('id', 'name', 'items', 'a.b', '__proto__', 'constructor', 'weird *')
const own = <T>(members: Iterable<readonly [string, T]>): Record<string, T> => Object.fromEntries(members)

/** Members of one, beside those of the other: both hold objects. */
function besides(one: Described, other: Described, key: 'allOf' | 'oneOf' | 'anyOf'): Described {
  const schemas = { ...one.schemas, ...other.schemas }
  return {
    schema: { [key]: [one.schema, other.schema] },
    schemas,
    value: key === 'allOf' ? together(one, other) : one.value,
  }
}

function together(one: Described, other: Described): unknown {
  return { ...Object(one.value), ...Object(other.value) }
}

/** What holds as well where some member is there. */
function dependent(one: Described, other: Described): Described {
  const schema = { type: 'object', allOf: [one.schema], dependentSchemas: { id: other.schema } }
  return { schema, schemas: { ...one.schemas, ...other.schemas }, value: together(one, other) }
}

/** A reference that leads on by another one, with what stands beside each of them. */
function referredThrough(one: Described, other: Described): Described {
  const [called, last] = [`S${refs++}`, `S${refs++}`]
  const between = { allOf: [other.schema], $ref: `#/components/schemas/${last}` }
  return {
    schema: { $ref: `#/components/schemas/${called}` },
    schemas: { ...one.schemas, ...other.schemas, [called]: between, [last]: one.schema },
    value: together(one, other),
  }
}

/** One of those that build on it, which it does not list. */
function builtOn(one: Described, other: Described): Described {
  const base = { type: 'object', discriminator: { propertyName: 'kind' }, properties: { kind: one.schema } }
  return { schema: base, schemas: one.schemas, value: { kind: one.value, beside: other.value } }
}

let refs = 0
function referred({ schema, schemas, value }: Described): Described {
  const called = `S${refs++}`
  return {
    schema: { $ref: `#/components/schemas/${called}` },
    schemas: { ...schemas, [called]: schema },
    value,
  }
}

const { described, members } = fc.letrec<{ described: Described; members: Described }>((tie) => ({
  described: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Described>(
      { schema: { type: 'string' }, schemas: {}, value: 'text' },
      { schema: { type: ['integer', 'null'] }, schemas: {}, value: 7 },
      { schema: { type: 'object' }, schemas: {}, value: { any: { thing: 1 } } },
      { schema: {}, schemas: {}, value: [{ whatever: true }] },
      { schema: { additionalProperties: { type: 'number' } }, schemas: {}, value: { more: 1 } },
    ),
    tie('members'),
    tie('members').map(referred),
    fc.array(tie('described'), { minLength: 1, maxLength: 2 }).map(
      (of): Described => ({
        schema: { type: 'array', items: { anyOf: of.map(({ schema }) => schema) } },
        schemas: own(of.flatMap(({ schemas }) => Object.entries(schemas))),
        value: of.map(({ value }) => value),
      }),
    ),
  ),
  members: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .uniqueArray(fc.tuple(name, tie('described')), { selector: ([key]) => key, maxLength: 3 })
      .map((of) => ({
        schema: { type: 'object', properties: own(of.map(([key, one]) => [key, one.schema])) },
        schemas: own(of.flatMap(([, one]) => Object.entries(one.schemas))),
        value: own(of.map(([key, one]) => [key, one.value])),
      })),
    fc
      .tuple(tie('members'), tie('members'), fc.constantFrom('allOf' as const, 'oneOf', 'anyOf'))
      .map(([one, other, key]) => besides(one, other, key)),
    fc.tuple(tie('members'), tie('members')).map(([one, other]) => dependent(one, other)),
    fc.tuple(tie('members'), tie('members')).map(([one, other]) => builtOn(one, other)),
    fc.tuple(tie('members'), tie('members')).map(([one, other]) => referredThrough(one, other)),
    fc.constant<Described>({
      schema: { oneOf: [{ type: 'object' }, { properties: { id: {} } }] },
      schemas: {},
      value: { beside: 1 },
    }),
  ),
}))

export const describedValue = fc.oneof(described, members)

/** The fields of a value, as a filter names them; lists have no names. */
export function leavesOf(value: unknown, path: readonly string[] = []): readonly string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((item) => leavesOf(item, path)))]
  const under =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, one]) => leavesOf(one, [...path, key]))
      : []
  const here =
    path.length === 0 ? [] : [printFieldPattern(path), printFieldPattern([...path.slice(0, -1), anyName])]
  return under.length > 0 ? under : here
}
