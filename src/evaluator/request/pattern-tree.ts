import { anyName, type FieldPattern, type PatternStep } from './field-pattern.ts'

/** Patterns joined to a tree: each node stands for the names that lead to it. */
export class PatternNode {
  readonly children = new Map<string, PatternNode>()
  any: PatternNode | undefined
  /** A pattern ends here: it covers this place and all that is under it. */
  isEnd = false
  /** This node alone, made once: the state of most walks. */
  readonly alone: PatternState = [this]
}

/** Where a walk through a value stands in the tree: in several nodes where `*` is beside a name. */
export type PatternState = readonly PatternNode[]

export function patternTree(patterns: Iterable<FieldPattern>): PatternNode {
  const root = new PatternNode()
  for (const pattern of patterns) {
    let node = root
    for (const step of pattern) {
      const next: PatternNode = (step === anyName ? node.any : node.children.get(step)) ?? new PatternNode()
      if (step === anyName) node.any = next
      else node.children.set(step, next)
      node = next
    }
    node.isEnd = true
  }
  return root
}

const nowhere: PatternState = []

/** Where a walk stands after a name; `covered` if a pattern ends there. */
export function stepInto(state: PatternState, name: string): PatternState | 'covered' {
  let next = nowhere
  for (const node of state) {
    const child = node.children.get(name)
    if (child?.isEnd === true || node.any?.isEnd === true) return 'covered'
    next = withNode(withNode(next, child), node.any)
  }
  return next
}

/** The nodes that stand for whatever a step of a pattern stands for. */
export function stepCovering(state: PatternState, step: PatternStep): PatternState {
  let next = nowhere
  for (const node of state) {
    if (step !== anyName) next = withNode(next, node.children.get(step))
    next = withNode(next, node.any)
  }
  return next
}

function withNode(state: PatternState, node: PatternNode | undefined): PatternState {
  if (node === undefined) return state
  return state.length === 0 ? node.alone : [...state, node]
}
