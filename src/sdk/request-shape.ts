// The part of a bundle that tells what requests may hold. It is looked at as a whole: a rule that is not understood
// would have a parameter read in another way than the API reads it.

const scalars: readonly unknown[] = ['string', 'integer', 'number', 'boolean']
const arrays: readonly unknown[] = ['repeated', 'comma', 'space', 'pipe']
/** Deeper than a server makes them. */
const levelsMax = 64

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isObjectShape(value: unknown, level: number): boolean {
  return (
    isObject(value) &&
    isObject(value['members']) &&
    isAbsentOrTrue(value['open']) &&
    Object.values(value['members']).every((one) => isValueShape(one, level + 1))
  )
}

function isValueShape(value: unknown, level: number): boolean {
  if (level > levelsMax) return false
  if (!isObject(value)) return value === 'any' || scalars.includes(value)
  return Object.hasOwn(value, 'items') ? isValueShape(value['items'], level + 1) : isObjectShape(value, level)
}

function isAbsentOrTrue(value: unknown): boolean {
  return value === undefined || value === true
}

function isQueryRule(value: unknown): boolean {
  return (
    isObject(value) &&
    (value['type'] === undefined || scalars.includes(value['type'])) &&
    (value['array'] === undefined || arrays.includes(value['array'])) &&
    (value['deepObject'] === undefined || isObjectShape(value['deepObject'], 0)) &&
    isAbsentOrTrue(value['unreadable'])
  )
}

/** Whether this is what an operation declares of its requests. */
export function isRequestShape(value: unknown): boolean {
  return (
    isObject(value) &&
    (value['query'] === undefined ||
      (isObject(value['query']) && Object.values(value['query']).every(isQueryRule))) &&
    (value['body'] === undefined || isValueShape(value['body'], 0)) &&
    isAbsentOrTrue(value['otherBody'])
  )
}
