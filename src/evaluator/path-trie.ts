import { encodeSegment } from './canonical-path.ts'
import type { Operation, ParameterRule } from './model.ts'
import { type PathTemplate, pathTemplate, type TemplateSegment } from './path-template.ts'

/** An operation with its place in the model's list, by which sets of operations are kept. */
export interface IndexedOperation {
  readonly index: number
  readonly operation: Operation
}

/** An operation on a template, with the rules of its parameters in the order of their names in it. */
export interface RoutedOperation {
  readonly indexed: IndexedOperation
  readonly rules: readonly (ParameterRule | undefined)[]
  /** Whether any of the rules says anything. */
  readonly isRuled: boolean
}

/** All operations on one template. */
export interface Route {
  readonly names: readonly string[]
  readonly byMethod: Map<string, RoutedOperation>
}

export interface Node {
  readonly literals: Map<string, Node>
  /** `literals` without letter case, to find near misses. */
  readonly folded: Set<string>
  /** A bit for each length of a literal, so that most segments are not folded at all. */
  lengths: number
  readonly mixed: { readonly literals: readonly string[]; readonly next: Node }[]
  parameter: Node | undefined
  /** Below a parameter that takes one segment or more (`multiSegment`). */
  multi: Node | undefined
  /** Templates that end here, without and with a trailing slash. */
  readonly plain: Route[]
  readonly slashed: Route[]
}

export interface PathTrie {
  readonly root: Node
  /** Templates without a parameter, by their whole path: one look-up, and nothing comes before them. */
  readonly literalPaths: Map<string, readonly Route[]>
  readonly strict: boolean
}

function emptyNode(): Node {
  return {
    literals: new Map(),
    folded: new Set(),
    lengths: 0,
    mixed: [],
    parameter: undefined,
    multi: undefined,
    plain: [],
    slashed: [],
  }
}

/** Upper case first, so that characters whose lower case is not their own (`ſ`) meet what a router may take them for. */
export function fold(text: string): string {
  return text.toUpperCase().toLowerCase()
}

/** Whether a segment, sent and decoded, is a literal of the node's but for its letter case. */
export function isNearMiss(node: Node, segment: string, decoded: string): boolean {
  if (node.lengths === 0) return false
  // ASCII text keeps its length when folded; other text may not.
  if (segment === decoded && (node.lengths & (1 << (decoded.length & 31))) === 0) return false
  return node.folded.has(fold(decoded))
}

/** `HEAD` is decided as `GET` where it has no operation of its own. */
export function routedOperation(route: Route, method: string): RoutedOperation | undefined {
  return route.byMethod.get(method) ?? (method === 'HEAD' ? route.byMethod.get('GET') : undefined)
}

export function pathTrie(
  operations: readonly IndexedOperation[],
  basePaths: readonly string[],
  strict: boolean,
): PathTrie {
  const trie: PathTrie = { root: emptyNode(), literalPaths: new Map(), strict }
  for (const base of new Set(basePaths.length === 0 ? [''] : basePaths))
    for (const indexed of operations) {
      const template = pathTemplate(base + indexed.operation.path)
      const routes = routesAt(trie, template, indexed.operation)
      const { method } = indexed.operation
      routeOf(routes, template.names, method).byMethod.set(method, routed(indexed, template.names))
      if (template.names.length === 0) trie.literalPaths.set(literalPath(template), routes)
    }
  return trie
}

function routed(indexed: IndexedOperation, names: readonly string[]): RoutedOperation {
  const { parameters } = indexed.operation
  const rules = names.map((name) => (Object.hasOwn(parameters, name) ? parameters[name] : undefined))
  // That a parameter is a text says nothing, nor does that it may be longer than one segment.
  const says = ([key, value]: [string, unknown]) =>
    key !== 'multiSegment' && !(key === 'type' && value === 'string')
  return { indexed, rules, isRuled: rules.some((rule) => Object.entries(rule ?? {}).some(says)) }
}

function literalPath(template: PathTemplate): string {
  const path = template.segments.map((one) => (one.kind === 'literal' ? `/${encodeSegment(one.text)}` : ''))
  return template.trailingSlash ? `${path.join('')}/` : path.join('')
}

function routesAt(trie: PathTrie, template: PathTemplate, operation: Operation): Route[] {
  let node = trie.root
  for (const segment of template.segments) node = childOf(node, segment, operation)
  return template.trailingSlash ? node.slashed : node.plain
}

/** Two templates that differ only in the names of their parameters are two routes, and each must allow. */
function routeOf(routes: Route[], names: readonly string[], method: string): Route {
  const known = routes.find((route) => isSame(route.names, names) && !route.byMethod.has(method))
  if (known !== undefined) return known
  const route: Route = { names, byMethod: new Map() }
  routes.push(route)
  return route
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((one, index) => one === others[index])
}

function childOf(node: Node, segment: TemplateSegment, operation: Operation): Node {
  switch (segment.kind) {
    case 'literal': {
      const known = node.literals.get(segment.text)
      if (known !== undefined) return known
      const next = emptyNode()
      node.literals.set(segment.text, next)
      node.folded.add(fold(segment.text))
      node.lengths |= 1 << (segment.text.length & 31)
      return next
    }
    case 'parameter':
      if (operation.parameters[segment.name]?.multiSegment) {
        node.multi ??= emptyNode()
        return node.multi
      }
      node.parameter ??= emptyNode()
      return node.parameter
    case 'mixed': {
      const known = node.mixed.find((one) => isSame(one.literals, segment.literals))
      if (known !== undefined) return known.next
      const next = emptyNode()
      node.mixed.push({ literals: segment.literals, next })
      return next
    }
    default:
      throw new Error(`unknown segment: ${segment satisfies never}`)
  }
}
