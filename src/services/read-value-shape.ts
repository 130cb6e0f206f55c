import type { ObjectShape, ScalarType, ValueShape } from '../evaluator/model.ts'
import { entries, isObject, items, type JsonObject, member } from './json-value.ts'
import { resolved, wayTo } from './references.ts'
import { alternativesOf, isNull, isOpen, typesOf } from './schema-keywords.ts'

/** Objects and arrays within one another; what is deeper is `any`. */
const levelsMax = 12
/** References and compositions within one another, of values or of one value. */
const stepsMax = 64
/** Members of one operation's shape. */
const membersMax = 1_000
/** Members of all of them: a model goes to every guard. */
const membersOfDocumentMax = 100_000
/** Schemas looked at for one operation: where references multiply, they are more than the members. */
const visitsMax = 10_000
const visitsOfDocumentMax = 2_000_000

/** Reads schemas of one document into shapes. Bounded: what is too much comes out as `any`, and is told. */
export interface ShapeReader {
  /** The shape of one operation's part, with whether something was cut off it. */
  read(schema: unknown): { readonly shape: ValueShape; readonly cut: boolean }
}

export function shapeReader(document: JsonObject): ShapeReader {
  const left = { visits: visitsOfDocumentMax, members: membersOfDocumentMax }
  return {
    read(schema) {
      const visits = Math.min(visitsMax, left.visits)
      const members = Math.min(membersMax, left.members)
      const reading: Reading = { document, open: new Set(), visits, members, cut: false }
      const shape = settled(reading, schema, { level: 0, step: 0 })
      left.visits -= visits - reading.visits
      left.members -= members - reading.members
      return { shape, cut: reading.cut }
    },
  }
}

interface Reading {
  readonly document: JsonObject
  /** Schemas that are being read: one that is met again is a circle. */
  readonly open: Set<JsonObject>
  visits: number
  members: number
  cut: boolean
}

interface Depth {
  readonly level: number
  readonly step: number
}

/** What a schema says, settled: nothing is anything, and an object of which no member is named may have any. */
function settled(reading: Reading, schema: unknown, depth: Depth): ValueShape {
  const shape = said(reading, schema, depth) ?? 'any'
  return isBare(shape) ? anyObject : shape
}

const anyObject: ObjectShape = Object.freeze({ members: Object.freeze({}), open: true })

/** An object of which no member is named. */
function isBare(shape: ValueShape): boolean {
  return isObjectShape(shape) && Object.keys(shape.members).length === 0
}

function isObjectShape(shape: ValueShape): shape is ObjectShape {
  return typeof shape === 'object' && 'members' in shape
}

/** What a schema says; `undefined` where that is nothing about the kind of the value. */
function said(reading: Reading, schema: unknown, depth: Depth): ValueShape | undefined {
  const way = wayTo(reading.document, schema)
  const target = way.at(-1)
  if (!isObject(target)) return undefined
  if (reading.open.has(target)) {
    reading.visits--
    return 'any'
  }
  if (reading.visits <= 0 || depth.step > stepsMax || depth.level >= levelsMax) {
    reading.cut = true
    return 'any'
  }
  reading.visits--
  reading.open.add(target)
  const deeper = { level: depth.level, step: depth.step + 1 }
  // OpenAPI 3.1: what stands beside a `$ref` holds as well; in 3.0 it is not valid, and does no harm.
  const shape = way
    .filter(isObject)
    .toReversed()
    .map((part) => composed(reading, part, deeper))
    .reduce(joined, undefined)
  reading.open.delete(target)
  return shape
}

/** Members of each part are members of the whole, whether all, any or one of the parts hold. */
function composed(reading: Reading, schema: JsonObject, depth: Depth): ValueShape | undefined {
  const all = items(member(schema, 'allOf')).map((part) => said(reading, part, depth))
  const whole = [own(reading, schema, depth), ...all].reduce(joined, undefined)
  const some = alternativesOf(schema)
  const kept = some.filter((one) => !isNull(resolved(reading.document, one)))
  reading.visits -= some.length - kept.length
  const alternatives = kept.map((one) => said(reading, one, depth))
  // An alternative that names nothing leaves all that the whole allows, which is anything if that names nothing either.
  if (whole !== undefined && !isBare(whole)) return alternatives.reduce(joined, whole)
  const left = whole === undefined ? 'any' : anyObject
  return alternatives
    .map((one) => (one === undefined ? left : isBare(one) ? anyObject : one))
    .reduce(joined, whole)
}

function joined(a: ValueShape | undefined, b: ValueShape | undefined): ValueShape | undefined {
  return a === undefined || b === undefined ? (a ?? b) : union(a, b)
}

/** What is one or the other. */
export function union(a: ValueShape, b: ValueShape): ValueShape {
  if (typeof a === 'string' || typeof b === 'string') {
    if (a === b) return a
    return isNumber(a) && isNumber(b) ? 'number' : 'any'
  }
  if (!isObjectShape(a)) return isObjectShape(b) ? 'any' : { items: union(a.items, b.items) }
  if (!isObjectShape(b)) return 'any'
  const members = new Map(Object.entries(a.members))
  for (const [name, shape] of Object.entries(b.members)) {
    const known = members.get(name)
    members.set(name, known === undefined ? shape : union(known, shape))
  }
  return objectShape(members, a.open === true || b.open === true)
}

function isNumber(shape: ValueShape): boolean {
  return shape === 'integer' || shape === 'number'
}

function objectShape(members: Iterable<readonly [string, ValueShape]>, open: boolean): ObjectShape {
  return { members: Object.fromEntries(members), ...(open ? { open: true as const } : {}) }
}

/** What the schema's own keywords say. */
function own(reading: Reading, schema: JsonObject, depth: Depth): ValueShape | undefined {
  const types = typesOf(schema)
  if (types.length !== 1) return types.length === 0 ? undefined : 'any'
  const [type] = types
  const within = { ...depth, level: depth.level + 1 }
  switch (type) {
    case 'object':
      return ownObject(reading, schema, within)
    case 'array': {
      const parts = [...items(member(schema, 'prefixItems')), member(schema, 'items')]
      const of = parts.filter((part) => part !== undefined && part !== false)
      return { items: of.map((part) => settled(reading, part, within)).reduce(joined, undefined) ?? 'any' }
    }
    default:
      return scalars.find((known) => known === type) ?? 'any'
  }
}

const scalars: readonly ScalarType[] = ['string', 'integer', 'number', 'boolean']

function ownObject(reading: Reading, schema: JsonObject, depth: Depth): ObjectShape {
  const members: [string, ValueShape][] = []
  let cut = false
  for (const [name, value] of entries(member(schema, 'properties'))) {
    cut = reading.members <= 0
    if (cut) break
    reading.members--
    members.push([name, settled(reading, value, depth)])
  }
  if (cut) reading.cut = true
  return objectShape(members, isOpen(schema) || cut)
}
