import type { ObjectShape, ValueShape } from '../model.ts'
import { fold } from '../path-trie.ts'

type BodyValue = string | number | boolean

/** What was found so far on the way through a body. */
interface Gathered {
  readonly values: BodyValue[]
  isAbsent: boolean
  isUnusable: boolean
  isAmbiguous: boolean
}

/**
 * The values at a path of a JSON body. A list on the way, or at the end, gives the values of each of its items; if some
 * have none, there is no answer for the list as a whole.
 */
export function bodyValues(
  body: unknown,
  shape: ValueShape,
  path: readonly string[],
): readonly BodyValue[] | 'absent' | 'unusable' | 'ambiguous_request' {
  const gathered: Gathered = { values: [], isAbsent: false, isUnusable: false, isAmbiguous: false }
  gather(gathered, body, shape, path, 0)
  if (gathered.isAmbiguous) return 'ambiguous_request'
  if (gathered.isUnusable) return 'unusable'
  if (!gathered.isAbsent) return gathered.values
  return gathered.values.length === 0 ? 'absent' : 'unusable'
}

function gather(
  gathered: Gathered,
  value: unknown,
  shape: ValueShape,
  path: readonly string[],
  at: number,
): void {
  if (Array.isArray(value)) gatherItems(gathered, value, shape, path, at)
  else if (at === path.length) {
    if (isOfType(value, shape)) gathered.values.push(value)
    else gathered.isUnusable = true
  } else gatherMember(gathered, value, shape, path, at)
}

function gatherItems(
  gathered: Gathered,
  items: readonly unknown[],
  shape: ValueShape,
  path: readonly string[],
  at: number,
): void {
  const isDeclared = shape === 'any' || (typeof shape === 'object' && 'items' in shape)
  if (!isDeclared || items.length === 0) {
    gathered.isUnusable = true
    return
  }
  for (const item of items) gather(gathered, item, shape === 'any' ? shape : shape.items, path, at)
}

function gatherMember(
  gathered: Gathered,
  value: unknown,
  shape: ValueShape,
  path: readonly string[],
  at: number,
): void {
  const name = path[at] ?? ''
  const isObject = typeof value === 'object' && value !== null
  if (!isObject || !(shape === 'any' || (typeof shape === 'object' && 'members' in shape))) {
    gathered.isUnusable = true
    return
  }
  if (hasNearMember(value, name, shape)) gathered.isAmbiguous = true
  else if (Object.hasOwn(value, name)) {
    // Sound: it has the member. What the document does not name may be anything.
    const next = (value as Record<string, unknown>)[name]
    const within = shape !== 'any' && Object.hasOwn(shape.members, name) ? shape.members[name] : undefined
    gather(gathered, next, within ?? 'any', path, at + 1)
  } else gathered.isAbsent = true
}

/**
 * Some readers take members in any letter case (Go's `encoding/json`, for one): which of two counts is theirs to say.
 * What the document names is another member.
 */
function hasNearMember(value: object, name: string, shape: ObjectShape | 'any'): boolean {
  let folded: string | undefined
  for (const other of Object.keys(value)) {
    if (other.length !== name.length || other === name) continue
    folded ??= fold(name)
    if (fold(other) !== folded) continue
    if (shape === 'any' || !Object.hasOwn(shape.members, other)) return true
  }
  return false
}

function isOfType(value: unknown, shape: ValueShape): value is BodyValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return shape === 'any' || shape === typeof value
    case 'number':
      return isExact(value) && (shape === 'any' || isNumberOf(value, shape))
    default:
      return false
  }
}

/** Beyond these, `JSON.parse` may have changed the number, and a reader that keeps all digits sees another. */
function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
}

function isNumberOf(value: number, shape: ValueShape): boolean {
  return shape === 'number' || (shape === 'integer' && Number.isInteger(value))
}
