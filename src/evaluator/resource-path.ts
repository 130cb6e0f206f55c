import { encodeSegment } from './canonical-path.ts'
import type { Operation, ResourceNamespace } from './model.ts'
import { pathTemplate, type TemplateSegment } from './path-template.ts'
import { isWhole, ResourceKey } from './resource-key.ts'

/** A kind of resource: a path template up to a parameter. */
export interface ResourceTemplate {
  /** `/clusters/{}/nodes/{}`. */
  readonly shape: string
  /** As the document first writes it. */
  readonly path: string
  readonly namespace?: ResourceNamespace
}

/** One resource that an operation's path names: the one that it acts on, or one that holds that. */
export interface NamedEnd {
  readonly template: ResourceTemplate
  /** How many of the path's parameters are its ids. */
  readonly ids: number
  /** Each parameter is a segment of its own. */
  readonly isWhole: boolean
  /** The place of the parameter that is its namespace. */
  readonly namespaceAt?: number
}

/** How the names of an operation's resource, and of those that hold it, are made from the ids in a path. */
export interface ResourcePath {
  /** What stands between each id and the one before it, without braces. */
  readonly between: readonly string[]
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
      templates.set(shape, {
        shape,
        path,
        ...(namespace === undefined || isId ? {} : { namespace }),
      })
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
    const shape = segments
      .slice(0, i + 1)
      .map(shapeOfSegment)
      .join('')
    cuts.push({ shape, path: `/${written.slice(0, i + 1).join('/')}`, names: [...names] })
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
  const [, ...between] = whole.shape.split('{}').slice(0, -1)
  const ends = cuts.toReversed().flatMap(({ shape, names }): readonly NamedEnd[] => {
    const template = templates.get(shape)
    const namespaceAt = namespacePlace(template, all)
    // What cannot be told from this path holds nothing here.
    if (template === undefined || namespaceAt === -1) return []
    const at = namespaceAt === undefined ? {} : { namespaceAt }
    return [{ template, ids: names.length, isWhole: isWhole(shape), ...at }]
  })
  const [own, ...ancestors] = ends
  return own === undefined ? undefined : { between, ends: [own, ...ancestors] }
}

/** -1: the path does not have the parameter. */
function namespacePlace(
  template: ResourceTemplate | undefined,
  names: readonly string[],
): number | undefined {
  const namespace = template?.namespace
  return typeof namespace === 'object' ? names.indexOf(namespace.parameter) : undefined
}

/** Where the ids stand in a path that has nothing encoded. */
export interface IdsAt {
  readonly target: string
  /** The place at which the first value begins. */
  readonly first: number
}

/**
 * The key of one of the resources that a path names.
 * @param values the ids in the order of the path, decoded
 * @param at absent: they do not all stand there as they are
 */
export function resourceKey(
  { between }: ResourcePath,
  end: NamedEnd,
  values: readonly string[],
  organizationId: string,
  at?: IdsAt,
): ResourceKey {
  const { template, ids } = end
  const own =
    at !== undefined && end.isWhole ? idsSent(between, ids, values, at) : idsWritten(between, end, values)
  if (template.namespace === undefined) return new ResourceKey(template.shape, own)
  const { namespaceAt } = end
  const namespace = namespaceAt === undefined ? organizationId : (values[namespaceAt] ?? '')
  return new ResourceKey(template.shape, `${encodeSegment(namespace)}}${own}`)
}

/** A part of the target: a text that was put together would have to be taken apart again to be looked up. */
function idsSent(
  between: readonly string[],
  ids: number,
  values: readonly string[],
  { target, first }: IdsAt,
): string {
  if (ids === 1) return values[0] ?? ''
  let length = 0
  for (let i = 0; i < ids; i++)
    length += (i === 0 ? 0 : (between[i - 1] ?? '').length) + (values[i] ?? '').length
  return target.slice(first, first + length)
}

function idsWritten(between: readonly string[], end: NamedEnd, values: readonly string[]): string {
  let text = encodeSegment(values[0] ?? '')
  for (let i = 1; i < end.ids; i++) {
    const literals = between[i - 1] ?? ''
    text += `${end.isWhole ? literals : `}${literals}{`}${encodeSegment(values[i] ?? '')}`
  }
  return text
}
