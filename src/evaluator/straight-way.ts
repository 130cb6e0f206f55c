import { plainEnd } from './canonical-path.ts'
import { satisfies } from './parameter-rule.ts'
import { isNearMiss, type Node, type PathTrie, type RoutedOperation, routedOperation } from './path-trie.ts'
import type { IdsAt } from './resource-path.ts'

/** The one operation that a path names. */
export interface Way extends IdsAt {
  readonly routed: RoutedOperation
  readonly names: readonly string[]
  readonly values: readonly string[]
  readonly canonicalPath: string
}

const slash = 0x2f
const question = 0x3f
const nothing: readonly string[] = Object.freeze([])

/**
 * The way of a path that has nothing encoded, through a part of the trie where each segment leads to one node: that of
 * most requests. It finds what the whole search finds, or `undefined`, wherever there is anything to weigh or to refuse.
 */
export function straightWay(trie: PathTrie, method: string, target: string): Way | undefined {
  if (target.charCodeAt(0) !== slash) return undefined
  let node: Node | undefined = trie.root
  let values = nothing
  let first = 0
  for (let start = 1; ; ) {
    const end = plainEnd(target, start)
    const isLast = end === target.length || target.charCodeAt(end) === question
    if (!isLast && target.charCodeAt(end) !== slash) return undefined
    const segment = target.slice(start, end)
    const next = onlyNext(trie, node, segment)
    if (next === undefined) return undefined
    if (next === node.parameter) {
      if (values.length === 0) first = start
      values = values.length === 0 ? [segment] : [...values, segment]
    }
    if (isLast) return wayTo(next, method, values, { target, first, end })
    node = next
    start = end + 1
  }
}

function onlyNext(trie: PathTrie, node: Node, segment: string): Node | undefined {
  if (segment === '' || segment === '.' || segment === '..') return undefined
  if (node.mixed.length > 0 || node.multi !== undefined) return undefined
  // An empty map, too, has to work out the hash of what it is asked for.
  const literal = node.literals.size === 0 ? undefined : node.literals.get(segment)
  if (literal === undefined)
    return !trie.strict && isNearMiss(node, segment, segment) ? undefined : node.parameter
  return node.parameter === undefined ? literal : undefined
}

function wayTo(
  { plain }: Node,
  method: string,
  values: readonly string[],
  { target, first, end }: { readonly target: string; readonly first: number; readonly end: number },
): Way | undefined {
  const route = plain[0]
  if (route === undefined || plain.length > 1) return undefined
  const routed = routedOperation(route, method)
  if (routed === undefined || (routed.isRuled && !isWithinRules(routed, values))) return undefined
  const canonicalPath = end === target.length ? target : target.slice(0, end)
  return { routed, names: route.names, values, canonicalPath, target, first }
}

function isWithinRules({ rules }: RoutedOperation, values: readonly string[]): boolean {
  return rules.every((rule, i) => rule === undefined || satisfies(rule, values[i] ?? ''))
}
