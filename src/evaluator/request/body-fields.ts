import { type PatternNode, type PatternState, stepInto } from './pattern-tree.ts'

/**
 * The fields of a JSON body, made for one request and kept with it: a role may have hundreds of statements with `fields`,
 * and a body a hundred thousand values. A field counts once, however many items of lists have it.
 */
export class BodyFields {
  readonly #value: unknown
  #isLookedThrough = false
  #root: FieldNode | undefined

  constructor(value: unknown) {
    this.#value = value
  }

  /** Whether each leaf is under a pattern. Who asks only once is answered from the body itself, with nothing made of it. */
  areWithin(tree: PatternNode): boolean {
    if (this.#isLookedThrough) return !isOutside(tree.alone, this.#node())
    this.#isLookedThrough = true
    return isWithin(tree.alone, this.#value)
  }

  /** The names that lead to each leaf that no pattern covers; none to the body as a whole. */
  outside(tree: PatternNode): Iterable<readonly string[]> {
    return outsideOf(tree.alone, this.#node(), [])
  }

  #node(): FieldNode {
    this.#root ??= new FieldNode([this.#value])
    return this.#root
  }
}

/** Items of lists have no name. A hole in a list comes as `undefined`, which is a leaf. */
function isWithin(state: PatternState, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) {
    for (const item of value) if (!isWithin(state, item)) return false
    return value.length > 0
  }
  const names = Object.keys(value)
  for (const name of names) {
    const next = stepInto(state, name)
    if (next === 'covered') continue
    // Sound: it has the member.
    if (next.length === 0 || !isWithin(next, (value as Record<string, unknown>)[name])) return false
  }
  return names.length > 0
}

/** A place in the body, with all that stands there; looked into when somebody goes there, and once. */
class FieldNode {
  #values: readonly unknown[]
  #isLeaf = false
  readonly #members = new Map<string, FieldNode>()

  constructor(values: readonly unknown[]) {
    this.#values = values
  }

  /** Something here holds nothing more: a text, `null`, `{}`, `[]`. */
  get isLeaf(): boolean {
    this.#lookInto()
    return this.#isLeaf
  }

  get members(): ReadonlyMap<string, FieldNode> {
    this.#lookInto()
    return this.#members
  }

  #lookInto(): void {
    if (this.#values.length === 0) return
    const named = new Map<string, unknown[]>()
    for (const value of this.#values) this.#enter(value, named)
    this.#values = []
    for (const [name, values] of named) this.#members.set(name, new FieldNode(values))
  }

  #enter(value: unknown, named: Map<string, unknown[]>): void {
    const isThing = typeof value === 'object' && value !== null
    const entries = isThing && !Array.isArray(value) ? Object.entries(value) : []
    const items: readonly unknown[] = Array.isArray(value) ? value : []
    if (entries.length + items.length === 0) this.#isLeaf = true
    for (const item of items) this.#enter(item, named)
    for (const [name, one] of entries) {
      const others = named.get(name)
      if (others === undefined) named.set(name, [one])
      else others.push(one)
    }
  }
}

function isOutside(state: PatternState, node: FieldNode): boolean {
  if (node.isLeaf) return true
  for (const [name, member] of node.members) {
    const next = stepInto(state, name)
    if (next === 'covered') continue
    if (next.length === 0 || isOutside(next, member)) return true
  }
  return false
}

function* outsideOf(
  state: PatternState,
  node: FieldNode,
  names: readonly string[],
): Generator<readonly string[]> {
  for (const [name, member] of node.members) {
    const next = stepInto(state, name)
    if (next !== 'covered') yield* outsideOf(next, member, [...names, name])
  }
  if (node.isLeaf) yield names
}
