import { z } from 'zod'
import { DomainError, type Fault } from '../errors.ts'
import { nearest } from '../evaluator/nearest.ts'
import { shown, shownPointer } from './shown-pointer.ts'

type Place = 'body' | 'query'

const faultsMax = 50

/**
 * Parses what was sent with a route's schema.
 * @throws {DomainError} `invalid_request` with every fault: where, what came instead, the nearest known name. Values are
 * never repeated: one may be a secret.
 */
export function parseWith<T extends z.ZodType>(schema: T, value: unknown, place: Place): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const faults = result.error.issues.flatMap((issue) => faultsOf(issue, schema, value, [], place))
  throw notTaken(place, faults)
}

/** The same for what no schema can say. */
export function notTaken(place: Place, faults: readonly Fault[]): DomainError {
  return new DomainError('invalid_request', `The ${place} is not what this operation takes.`, {
    faults: faults.slice(0, faultsMax),
    ...(faults.length > faultsMax ? { data: { errors_left_out: faults.length - faultsMax } } : {}),
  })
}

function faultsOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  value: unknown,
  base: readonly PropertyKey[],
  place: Place,
): readonly Fault[] {
  const path = [...base, ...issue.path]
  const pointer = pointerTo(path, place)
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = [...namesAt(schema, path)]
      return issue.keys.map((key) => unknownName(key, known, pointerTo([...path, key], place), place))
    }
    case 'invalid_type': {
      const received = typeOf(valueAt(value, path))
      const detail = received === 'nothing' ? 'is required' : `must be ${issue.expected}, not ${received}`
      return [{ pointer, detail }]
    }
    case 'invalid_union': {
      const closest = issue.errors.toSorted((a, b) => farness(a) - farness(b))[0]
      if (closest === undefined || closest.length === 0) return [{ pointer, detail: issue.message }]
      return closest.flatMap((inner) => faultsOf(inner, schema, value, path, place))
    }
    case 'invalid_value': {
      const written = valueAt(value, path)
      const options = issue.values.map(String)
      const near = typeof written === 'string' ? nearest(written, options) : undefined
      const fix = near === undefined ? undefined : `Did you mean "${near}"?`
      return [
        { pointer, detail: `must be one of ${options.join(', ')}`, ...(fix === undefined ? {} : { fix }) },
      ]
    }
    case 'too_small':
      return [{ pointer, detail: outside(issue, `at least ${issue.minimum}`) }]
    case 'too_big':
      return [{ pointer, detail: outside(issue, `at most ${issue.maximum}`) }]
    // Of a name that may not stand there: what is wrong with it is what its own schema says.
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ pointer, detail: message }))
    default:
      return [{ pointer, detail: issue.message }]
  }
}

const countedUnits = new Map([
  ['string', 'characters'],
  ['array', 'items'],
])

/** A schema's own words, where it has some. */
function outside({ message, origin }: { message: string; origin: string }, bound: string): string {
  if (!/^Too (?:small|big):/.test(message)) return message
  const unit = countedUnits.get(origin)
  return unit === undefined ? `must be ${bound}` : `must have ${bound} ${unit}`
}

function pointerTo(path: readonly PropertyKey[], place: Place): string {
  return place === 'query' ? `?${path.map((step) => shown(String(step))).join('.')}` : shownPointer(path)
}

function unknownName(name: string, known: readonly string[], pointer: string, place: Place): Fault {
  const near = nearest(name, known)
  const what = place === 'query' ? 'parameter' : 'field'
  const list =
    known.length === 0 ? `There is no ${what} here.` : `Known here: ${known.toSorted().join(', ')}.`
  const fix = near === undefined ? list : `Did you mean "${near}"? ${list}`
  return { pointer, detail: `"${shown(name)}" is not a known ${what}`, fix }
}

/** A union's alternative that fails early is further from what was meant than one that fails in one deep place. */
function farness(issues: readonly z.core.$ZodIssue[]): number {
  return issues.length - Math.max(0, ...issues.map((issue) => issue.path.length)) * 10
}

/** The member names that a schema knows at a place, whichever alternative is taken. */
function namesAt(schema: unknown, path: readonly PropertyKey[]): ReadonlySet<string> {
  const [step, ...rest] = path
  if (schema instanceof z.ZodUnion) {
    return new Set(schema.options.flatMap((option) => [...namesAt(option, path)]))
  }
  const inner = unwrapped(schema)
  if (inner !== undefined) return namesAt(inner, path)
  if (schema instanceof z.ZodObject) {
    return step === undefined ? new Set(Object.keys(schema.shape)) : namesAt(schema.shape[String(step)], rest)
  }
  if (step === undefined) return new Set()
  if (schema instanceof z.ZodArray) return namesAt(schema.element, rest)
  return schema instanceof z.ZodRecord ? namesAt(schema.valueType, rest) : new Set()
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly) {
    return schema.unwrap()
  }
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return schema.unwrap()
  if (schema instanceof z.ZodPipe) return schema.in
  return schema instanceof z.ZodLazy ? schema.unwrap() : undefined
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = Reflect.get(at, step)
  }
  return at
}

function typeOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
