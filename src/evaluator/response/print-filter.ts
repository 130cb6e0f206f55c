import { anyName, type PatternStep, printFieldPattern } from '../request/field-pattern.ts'
import type { PatternNode } from '../request/pattern-tree.ts'
import type { ResponseFilter } from './response-filter.ts'

/** One layer of a filter as text: the fields that it shows, and what stands in place of the others. */
export interface PrintedLayer {
  readonly fields: readonly string[]
  readonly mask?: string
}

/** A filter for who puts it over a response elsewhere: each layer over what the one before has left. */
export function printFilter(filter: ResponseFilter): readonly PrintedLayer[] {
  return filter.map(({ state, mask }) => {
    const fields = state.flatMap((node) => [...endsUnder(node, [])])
    return mask === undefined ? { fields } : { fields, mask }
  })
}

function* endsUnder(node: PatternNode, steps: readonly PatternStep[]): Generator<string> {
  if (node.isEnd) yield printFieldPattern(steps)
  for (const [name, child] of node.children) yield* endsUnder(child, [...steps, name])
  if (node.any !== undefined) yield* endsUnder(node.any, [...steps, anyName])
}
