import { encodeSegment } from './canonical-path.ts'
import type { Operation, ResourceNamespace } from './model.ts'
import { pathTemplate, type TemplateSegment } from './path-template.ts'

/**
 * A resource's name is its path template up to a parameter with the ids in the braces, `/clusters/{c1}/nodes/{n7}`: what
 * the parameters are called does not matter, and no other template or id gives the same text. Where ids are unique only
 * within a namespace, that comes first: `{eu}/clusters/{c1}`.
 */
export type ResourceName = string

/** Longer names are nobody's: no such resource can be registered. */
export const resourceNameLengthMax = 400

/** A kind of resource: a path template up to a parameter. */
export interface ResourceTemplate {
  /** `/clusters/{}/nodes/{}`. */
  readonly shape: string
  /** As the document first writes it. */
  readonly path: string
  readonly namespace?: ResourceNamespace
}

/** One resource that an operation's path names: the one that it acts on, or one that holds that. */
interface NamedEnd {
  readonly template: ResourceTemplate
  /** How many of the path's parameters are its ids. */
  readonly ids: number
  /** What closes the name. */
  readonly close: string
  /** The place of the parameter that is its namespace. */
  readonly namespaceAt?: number
}

/** How the names of an operation's resource, and of those that hold it, are made from the ids in a path. */
export interface ResourcePath {
  /** What stands before each id. */
  readonly before: readonly string[]
  /** The operation's own resource first, then those that hold it, from the inside out. */
  readonly ends: readonly [NamedEnd, ...NamedEnd[]]
}

export interface ResourcePaths {
  readonly templates: ReadonlyMap<string, ResourceTemplate>
  /** By the operation's index. `undefined`: it acts on no resource. */
  readonly ofOperations: readonly (ResourcePath | undefined)[]
}

/** The resources that a service's paths name. */
export function resourcePaths(operations: readonly Operation[]): ResourcePaths {
  const cut = operations.map(cutAtParameters)
  const namespaces = new Map<string, ResourceNamespace>()
  for (const [index, { namespace }] of operations.entries()) {
    const shape = cut[index]?.at(-1)?.shape
    if (shape !== undefined && namespace !== undefined) namespaces.set(shape, namespace)
  }
  const templates = new Map<string, ResourceTemplate>()
  for (const { shape, path, names } of cut.flat()) {
    const namespace = namespaces.get(shape)
    // The name of a parameter that is an id already would say the same twice.
    const isId = typeof namespace === 'object' && names.includes(namespace.parameter)
    if (!templates.has(shape))
      templates.set(shape, { shape, path, ...(namespace === undefined || isId ? {} : { namespace }) })
  }
  return {
    templates,
    ofOperations: cut.map((cuts, index) => resourcePath(operations[index], cuts, templates)),
  }
}

/** A prefix of a path that ends with a segment that has a parameter. */
interface Cut {
  readonly shape: string
  readonly path: string
  readonly names: readonly string[]
  readonly segments: readonly TemplateSegment[]
}

/** The prefixes of an operation's path that are resources, from the outside in; the last one is what it acts on. */
function cutAtParameters({ path, resourceParameter }: Operation): readonly Cut[] {
  if (resourceParameter === undefined) return []
  const written = path.split('/').slice(1)
  const { segments } = pathTemplate(path)
  const cuts: Cut[] = []
  const names: string[] = []
  for (const [i, segment] of segments.entries()) {
    const own = namesIn(segment)
    names.push(...own)
    if (own.length === 0) continue
    const upTo = segments.slice(0, i + 1)
    const shape = upTo.map(shapeOfSegment).join('')
    cuts.push({ shape, path: `/${written.slice(0, i + 1).join('/')}`, names: [...names], segments: upTo })
    if (own.includes(resourceParameter)) break
  }
  return cuts
}

function namesIn(segment: TemplateSegment): readonly string[] {
  if (segment.kind === 'literal') return []
  return segment.kind === 'parameter' ? [segment.name] : segment.names
}

function shapeOfSegment(segment: TemplateSegment): string {
  return `/${literalsOf(segment).join('{}')}`
}

/** What stands around the parameters of a segment, encoded in the one way. */
function literalsOf(segment: TemplateSegment): readonly string[] {
  switch (segment.kind) {
    case 'literal':
      return [encodeSegment(segment.text)]
    case 'parameter':
      return ['', '']
    case 'mixed':
      return segment.literals
    default:
      throw new Error(`unknown segment: ${segment satisfies never}`)
  }
}

function resourcePath(
  operation: Operation | undefined,
  cuts: readonly Cut[],
  templates: ReadonlyMap<string, ResourceTemplate>,
): ResourcePath | undefined {
  const whole = cuts.at(-1)
  if (operation === undefined || whole === undefined) return undefined
  const all = pathTemplate(operation.path).names
  const text = whole.segments.map(shapeOfSegment).join('')
  const pieces = text.split('{}')
  const before = pieces.slice(0, -1).map((piece, i) => `${i === 0 ? '' : '}'}${piece}{`)
  const ends = cuts.toReversed().flatMap(({ shape, names, segments }): readonly NamedEnd[] => {
    const template = templates.get(shape)
    const namespaceAt = namespacePlace(template, all)
    // What cannot be told from this path holds nothing here.
    if (template === undefined || namespaceAt === -1) return []
    const last = segments.at(-1)
    const close = `}${(last === undefined ? [] : literalsOf(last)).at(-1) ?? ''}`
    return [{ template, ids: names.length, close, ...(namespaceAt === undefined ? {} : { namespaceAt }) }]
  })
  const [own, ...holders] = ends
  return own === undefined ? undefined : { before, ends: [own, ...holders] }
}

/** -1: the path does not have the parameter. */
function namespacePlace(
  template: ResourceTemplate | undefined,
  names: readonly string[],
): number | undefined {
  const namespace = template?.namespace
  return typeof namespace === 'object' ? names.indexOf(namespace.parameter) : undefined
}

const nothing: readonly ResourceName[] = Object.freeze([])

/**
 * The names of what an operation acts on: the resource's own first, then those of the resources that hold it, from the
 * inside out. The first that is registered says who owns it and which tags it has. Empty: it acts on no resource.
 * @param values the ids in the order of the path
 */
export function resourceNames(
  path: ResourcePath | undefined,
  values: readonly string[],
  organizationId: string,
): readonly ResourceName[] {
  if (path === undefined) return nothing
  const { before, ends } = path
  const names = new Array<ResourceName>(ends.length)
  let text = ''
  let at = 0
  for (let i = ends.length - 1; i >= 0; i--) {
    const end = ends[i]
    if (end === undefined) continue
    for (; at < end.ids; at++) text += (before[at] ?? '') + encodeSegment(values[at] ?? '')
    names[i] = namespacePrefix(end, values, organizationId) + text + end.close
  }
  return names
}

function namespacePrefix(
  { template, namespaceAt }: NamedEnd,
  values: readonly string[],
  organizationId: string,
): string {
  if (template.namespace === undefined) return ''
  return `{${encodeSegment(namespaceAt === undefined ? organizationId : (values[namespaceAt] ?? ''))}}`
}

/** The template's shape that a name is of, without its namespace: `/clusters/{}`. */
export function shapeOfName(name: ResourceName): string {
  return name.slice(name.indexOf('/')).replace(/\{[^}]*\}/g, '{}')
}

/** What `resourceNames` put into a name, decoded. No id has a brace that is not encoded. */
export function valuesInName(name: ResourceName): {
  readonly ids: readonly string[]
  readonly namespace: string | undefined
} {
  const values = Array.from(name.matchAll(/\{([^}]*)\}/g), (match) => decodeURIComponent(match[1] ?? ''))
  const [namespace, ...ids] = values
  return name.startsWith('/') ? { ids: values, namespace: undefined } : { ids, namespace }
}
