import type { ParameterRule } from './model.ts'

const patterns: Readonly<Record<NonNullable<ParameterRule['type']>, RegExp | undefined>> = {
  string: undefined,
  // One spelling a number: `007` and `+7` are read as 7 by some parsers and refused by others.
  integer: /^-?(?:0|[1-9]\d*)$/,
  number: /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/,
  boolean: /^(?:true|false)$/,
}
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whether a decoded path parameter is what its schema asks for. Slashes are the path's matter, not looked at here. */
export function satisfies(rule: ParameterRule, value: string): boolean {
  const pattern = rule.type === undefined ? undefined : patterns[rule.type]
  if (pattern !== undefined && !pattern.test(value)) return false
  if (rule.enum !== undefined && !rule.enum.includes(value)) return false
  if (rule.format === 'uuid' && !uuid.test(value)) return false
  return hasLength(rule, value) && isInRange(rule, value)
}

function hasLength(rule: ParameterRule, value: string): boolean {
  const { minLength, maxLength } = rule
  if (minLength === undefined && maxLength === undefined) return true
  const length = characterCount(value)
  return length >= (minLength ?? 0) && length <= (maxLength ?? Number.POSITIVE_INFINITY)
}

/** JSON Schema counts characters, not UTF-16 units. */
function characterCount(value: string): number {
  let count = 0
  for (let i = 0; i < value.length; i += (value.codePointAt(i) ?? 0) > 0xffff ? 2 : 1) count++
  return count
}

function isInRange(rule: ParameterRule, value: string): boolean {
  const { minimum, maximum } = rule
  if (minimum === undefined && maximum === undefined) return true
  const number = Number(value)
  return number >= (minimum ?? Number.NEGATIVE_INFINITY) && number <= (maximum ?? Number.POSITIVE_INFINITY)
}
