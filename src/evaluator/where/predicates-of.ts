import type { Condition, Predicate } from './condition.ts'
import { isLiteral, type Operand } from './condition.ts'
import { Tokens } from './tokens.ts'

/** A predicate, and where the variables among its operands stand: offsets in UTF-16 code units, in their order. */
export interface PlacedPredicate {
  readonly predicate: Predicate
  readonly offsets: readonly number[]
}

/**
 * The predicates of a condition in the order of its text.
 * @param text what the condition was parsed from
 */
export function predicatesOf(condition: Condition, text: string): readonly PlacedPredicate[] {
  const offsets = variableOffsets(text)
  let next = 0
  return flat(condition).map((predicate) => {
    const count = operandsOf(predicate).filter((operand) => !isLiteral(operand)).length
    next += count
    return { predicate, offsets: offsets.slice(next - count, next) }
  })
}

export function operandsOf(predicate: Predicate): readonly Operand[] {
  return predicate.kind === 'comparison' ? [predicate.left, predicate.right] : [predicate.operand]
}

function flat(condition: Condition): readonly Predicate[] {
  switch (condition.kind) {
    case 'or':
    case 'and':
      return condition.of.flatMap(flat)
    case 'not':
      return flat(condition.of)
    default:
      return [condition]
  }
}

function variableOffsets(text: string): readonly number[] {
  const tokens = new Tokens(text)
  const offsets: number[] = []
  tokens.advance()
  for (; tokens.current.kind !== 'end'; tokens.advance())
    if (tokens.current.kind === 'variable') offsets.push(tokens.current.offset)
  return offsets
}
