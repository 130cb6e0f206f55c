import { shapeOf } from './path-template.ts'

/**
 * A resource's name is its path template up to a parameter with the ids in the braces, `/clusters/{c1}/nodes/{n7}`: what
 * the parameters are called does not matter, and no other template or id gives the same text. Where ids are unique only
 * within a namespace, that comes first: `{eu}/clusters/{c1}`.
 */
export type ResourceName = string

/** Longer names are nobody's: no such resource can be registered. */
export const resourceNameLengthMax = 400

/**
 * What a resource is found by: what its name says, in two parts. The ids are a part of the path as it was sent, so that
 * nothing needs to be put together for a look-up.
 */
export class ResourceKey {
  /** The template's: `/clusters/{}/nodes/{}`. */
  readonly shape: string
  /**
   * From the first id to the last, encoded: `c1/nodes/n7`. Where a segment has more than a parameter, they are in their
   * braces, so that it is plain where each of them ends. A namespace comes first, with a brace after it: `eu}c1`.
   */
  readonly ids: string

  constructor(shape: string, ids: string) {
    this.shape = shape
    this.ids = ids
  }

  /** @param name one that is a resource's */
  static of(name: ResourceName): ResourceKey {
    const pathAt = name.indexOf('/')
    const path = name.slice(pathAt)
    const shape = shapeOf(path)
    const ids = path.slice(path.indexOf('{') + 1, path.lastIndexOf('}'))
    const namespace = name.slice(1, Math.max(1, pathAt))
    return new ResourceKey(shape, namespace + (isWhole(shape) ? ids.replaceAll(brace, '') : ids))
  }

  get name(): ResourceName {
    const { shape, ids } = this
    const begin = hasNamespace(ids) ? ids.indexOf('}') + 1 : 0
    const [at, last] = [shape.indexOf('{'), shape.lastIndexOf('}') + 1]
    const own = ids.slice(begin)
    const inBraces = isWhole(shape) ? bracesAround(shape.slice(at, last), own) : `{${own}}`
    const namespace = begin === 0 ? '' : `{${ids.slice(0, begin)}`
    return namespace + shape.slice(0, at) + inBraces + shape.slice(last)
  }

  /** Nothing can be registered by it. */
  get isTooLong(): boolean {
    const { length } = this.ids
    // A name is one character longer than both at most, by a namespace's brace: few are put together to be measured.
    return length + this.shape.length >= resourceNameLengthMax && this.name.length > resourceNameLengthMax
  }
}

/** The template's shape that a name is of, without its namespace: `/clusters/{}`. */
export function shapeOfName(name: ResourceName): string {
  return shapeOf(name.slice(name.indexOf('/')))
}

/** The ids in a name, decoded. No id has a brace that is not encoded. */
export function valuesInName(name: ResourceName): {
  readonly ids: readonly string[]
  readonly namespace: string | undefined
} {
  const values = Array.from(name.matchAll(/\{([^}]*)\}/g), (match) => decodeURIComponent(match[1] ?? ''))
  const [namespace, ...ids] = values
  return name.startsWith('/') ? { ids: values, namespace: undefined } : { ids, namespace }
}

const brace = /[{}]/g

/** Whether each parameter of a template is a segment of its own. No id has a slash or a brace that is not encoded. */
export function isWhole(shape: string): boolean {
  return shape.split('/').every((segment) => segment === '{}' || !segment.includes('{'))
}

/** Each brace that opens is closed; that of the namespace is not opened. */
function hasNamespace(ids: string): boolean {
  return ids.split('}').length > ids.split('{').length
}

/** @param shape of a template from its first parameter to its last, each of them a segment of its own */
function bracesAround(shape: string, ids: string): string {
  const segments = ids.split('/')
  return shape
    .split('/')
    .map((segment, i) => (segment === '{}' ? `{${segments[i] ?? ''}}` : segment))
    .join('/')
}
