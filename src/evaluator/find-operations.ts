import { type CanonicalPath, canonicalPath, encodeSegment } from './canonical-path.ts'
import { Match } from './match.ts'
import { satisfies } from './parameter-rule.ts'
import { splitMixed } from './path-template.ts'
import {
  fold,
  isNearMiss,
  type Node,
  type PathTrie,
  type Route,
  type RoutedOperation,
  routedOperation,
} from './path-trie.ts'
import { straightWay } from './straight-way.ts'

export type Found =
  | {
      readonly kind: 'found'
      readonly canonicalPath: string
      /** More than one where templates overlap: each of them must allow. The most literal one comes first. */
      readonly matches: readonly [Match, ...Match[]]
    }
  | { readonly kind: 'refused'; readonly reason: 'ambiguous_path' | 'unknown_operation' }
  | { readonly kind: 'refused'; readonly reason: 'method_not_allowed'; readonly methods: readonly string[] }

interface Search {
  readonly trie: PathTrie
  readonly path: CanonicalPath
  readonly method: string
  /** The parameters' values on the way to the node being looked at. */
  readonly values: string[]
  readonly matches: Match[]
  /** Methods of the templates that match, whether or not they have the method asked for. */
  methods: Set<string> | undefined
  visits: number
  ambiguous: boolean
}

/**
 * Without multi-segment parameters each node is visited once at most; with several in one template the ways to split
 * a path multiply. A path that needs more looks than this is refused.
 */
const visitsMax = 5_000

/** Finds the operations that a request names. `HEAD` is decided as `GET` where it has no operation of its own. */
export function findOperations(trie: PathTrie, method: string, target: string): Found {
  const way = straightWay(trie, method, target)
  if (way === undefined) return searchOperations(trie, method, target)
  const { routed, names, values, canonicalPath } = way
  return { kind: 'found', canonicalPath, matches: [new Match(routed.indexed, names, values, way)] }
}

/** The same by every way that the path may take through the trie. */
export function searchOperations(trie: PathTrie, method: string, target: string): Found {
  const path = canonicalPath(target)
  if (path === 'ambiguous_path') return { kind: 'refused', reason: 'ambiguous_path' }
  const literal = path.raw === path.decoded ? trie.literalPaths.get(path.path) : undefined
  if (literal !== undefined) {
    const matches = literalMatches(literal, method)
    if (isSome(matches)) return { kind: 'found', canonicalPath: path.path, matches }
  }
  const search: Search = {
    trie,
    path,
    method,
    values: [],
    matches: [],
    methods: undefined,
    visits: 0,
    ambiguous: false,
  }
  visit(search, trie.root, 0)
  return answer(search)
}

const nothing: readonly string[] = []

function literalMatches(routes: readonly Route[], method: string): readonly Match[] {
  const matches: Match[] = []
  for (const route of routes) {
    const routed = routedOperation(route, method)
    if (routed !== undefined) matches.push(new Match(routed.indexed, nothing, nothing))
  }
  return matches
}

function isSome(matches: readonly Match[]): matches is readonly [Match, ...Match[]] {
  return matches.length > 0
}

function answer({ path, matches, methods, ambiguous }: Search): Found {
  if (ambiguous) return { kind: 'refused', reason: 'ambiguous_path' }
  if (isSome(matches)) return { kind: 'found', canonicalPath: path.path, matches }
  // No parameter that may hold a slash took it: a router that decodes first sees other segments.
  if (path.encodedSlash) return { kind: 'refused', reason: 'ambiguous_path' }
  if (methods === undefined) return { kind: 'refused', reason: 'unknown_operation' }
  if (methods.has('GET')) methods.add('HEAD')
  return { kind: 'refused', reason: 'method_not_allowed', methods: [...methods].sort() }
}

function visit(search: Search, node: Node, depth: number): void {
  const { path, values, trie } = search
  const segment = path.raw[depth]
  const decoded = path.decoded[depth]
  if (++search.visits > visitsMax) search.ambiguous = true
  if (search.ambiguous) return
  if (segment === undefined || decoded === undefined) {
    end(search, node)
    return
  }
  const literal = node.literals.get(decoded)
  if (literal !== undefined) {
    // `%6De` where the document says `me`: a router that compares before decoding takes it for a parameter.
    if (segment !== decoded && !isSameEncoding(segment, decoded)) search.ambiguous = true
    else visit(search, literal, depth + 1)
  } else if (!trie.strict && isNearMiss(node, segment, decoded)) search.ambiguous = true
  for (const mixed of node.mixed) visitMixed(search, mixed, segment, depth)
  if (node.parameter !== undefined) {
    values.push(decoded)
    visit(search, node.parameter, depth + 1)
    values.pop()
  }
  if (node.multi !== undefined) visitMulti(search, node.multi, depth)
}

function visitMulti(search: Search, next: Node, depth: number): void {
  const { decoded } = search.path
  let value = ''
  for (let end = depth; end < decoded.length && !search.ambiguous; end++) {
    value = end === depth ? (decoded[end] ?? '') : `${value}/${decoded[end] ?? ''}`
    search.values.push(value)
    visit(search, next, end + 1)
    search.values.pop()
  }
}

function isSameEncoding(segment: string, decoded: string): boolean {
  return segment.toUpperCase() === encodeSegment(decoded).toUpperCase()
}

function visitMixed(search: Search, mixed: Node['mixed'][number], segment: string, depth: number): void {
  const values = splitMixed(mixed.literals, segment)
  if (values === undefined) {
    if (!search.trie.strict && splitMixed(mixed.literals.map(fold), fold(segment)) !== undefined)
      search.ambiguous = true
    return
  }
  if (values === 'ambiguous') {
    search.ambiguous = true
    return
  }
  // The whole segment decoded, so each part of it that was cut at plain characters does too.
  for (const value of values) search.values.push(decodeURIComponent(value))
  visit(search, mixed.next, depth + 1)
  search.values.length -= values.length
}

function end(search: Search, node: Node): void {
  const { trailingSlash } = search.path
  const exact = trailingSlash ? node.slashed : node.plain
  const nearMiss = trailingSlash ? node.plain : node.slashed
  if (exact.length > 0) arrive(search, exact)
  else if (nearMiss.length > 0 && !search.trie.strict) search.ambiguous = true
}

function arrive(search: Search, routes: readonly Route[]): void {
  for (const route of routes) {
    const routed = routedOperation(route, search.method)
    if (routed === undefined) {
      noteMethods(search, route)
      continue
    }
    const verdict = fits(search, routed)
    if (verdict === 'ambiguous') search.ambiguous = true
    if (verdict === 'yes') search.matches.push(new Match(routed.indexed, route.names, search.values.slice()))
  }
}

function noteMethods(search: Search, route: Route): void {
  for (const [method, routed] of route.byMethod) {
    if (fits(search, routed) !== 'yes') continue
    search.methods ??= new Set()
    search.methods.add(method)
  }
}

/** Whether each value is what the operation's document says of its parameter. */
function fits({ values, path }: Search, { rules, isRuled }: RoutedOperation): 'yes' | 'no' | 'ambiguous' {
  if (!isRuled && !path.encodedSlash) return 'yes'
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]
    const value = values[i] ?? ''
    if (path.encodedSlash && rule?.encodedSlash !== true && value.includes('/')) return 'ambiguous'
    if (rule !== undefined && !satisfies(rule, value)) return 'no'
  }
  return 'yes'
}
