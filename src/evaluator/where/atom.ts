import {
  type Comparison,
  isLiteral,
  type Literal,
  type Operand,
  type Operator,
  type Predicate,
  type RequestVariable,
  type TagVariable,
  type Variable,
} from './condition.ts'
import type { Truth } from './truth.ts'
import { type Bound, numberOf, type Test, textOf, valueTest } from './value-test.ts'

/** How two variables are compared. What is greater is less the other way round. */
export type PairOperator = '=' | '<' | '<='

/** A predicate without its negation, in one of the few forms that all of them come to. */
export type Atom =
  | { readonly kind: 'test'; readonly variable: Variable; readonly test: Test }
  | {
      readonly kind: 'pair'
      readonly left: Variable
      readonly operator: PairOperator
      readonly right: Variable
    }
  | { readonly kind: 'absence'; readonly variable: TagVariable | RequestVariable }
  /** What is known beforehand: literals among themselves, and what is never absent. */
  | { readonly kind: 'constant'; readonly truth: Truth }

export interface SignedAtom {
  readonly atom: Atom
  readonly negated: boolean
}

export function atomOf(predicate: Predicate): SignedAtom {
  switch (predicate.kind) {
    case 'comparison':
      return { atom: comparison(predicate), negated: predicate.operator === '!=' }
    case 'in':
      return signed(predicate, { kind: 'one_of', literals: predicate.literals })
    case 'like':
      return signed(predicate, { kind: 'like', text: predicate.text, match: predicate.match })
    case 'between': {
      const [low, high] = [bound(predicate.low, true), bound(predicate.high, true)]
      if (low === undefined || high === undefined) return { atom: unknown, negated: predicate.negated }
      return signed(predicate, { kind: 'within', interval: { low, high } })
    }
    case 'is_null': {
      const { operand, negated } = predicate
      const isThere = isLiteral(operand) || operand.of === 'principal'
      return { atom: isThere ? never : { kind: 'absence', variable: operand }, negated }
    }
    default:
      throw new Error(`unknown predicate: ${predicate satisfies never}`)
  }
}

const never: Atom = { kind: 'constant', truth: 'false' }
/** Nothing is less than what is no number. */
const unknown: Atom = { kind: 'constant', truth: 'unknown' }

function signed({ operand, negated }: { operand: Operand; negated: boolean }, test: Test): SignedAtom {
  return { atom: asked(operand, test), negated }
}

function asked(operand: Operand, test: Test): Atom {
  if (!isLiteral(operand)) return { kind: 'test', variable: operand, test }
  return { kind: 'constant', truth: valueTest(test, 'exact')(textOf(operand)) }
}

function comparison({ left, operator, right }: Comparison): Atom {
  if (isLiteral(right)) return comparedWith(left, operator, right)
  if (isLiteral(left)) return comparedWith(right, turned[operator], left)
  switch (operator) {
    case '=':
    case '!=':
      return { kind: 'pair', left, operator: '=', right }
    case '<':
    case '<=':
      return { kind: 'pair', left, operator, right }
    case '>':
      return { kind: 'pair', left: right, operator: '<', right: left }
    case '>=':
      return { kind: 'pair', left: right, operator: '<=', right: left }
    default:
      throw new Error(`unknown operator: ${operator satisfies never}`)
  }
}

const turned: Readonly<Record<Operator, Operator>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

function comparedWith(operand: Operand, operator: Operator, literal: Literal): Atom {
  if (operator === '=' || operator === '!=') return asked(operand, { kind: 'one_of', literals: [literal] })
  const limit = bound(literal, operator === '<=' || operator === '>=')
  if (limit === undefined) return unknown
  const interval = operator === '<' || operator === '<=' ? { high: limit } : { low: limit }
  return asked(operand, { kind: 'within', interval })
}

function bound(literal: Literal, closed: boolean): Bound | undefined {
  const at = numberOf(literal)
  return at === undefined ? undefined : { at, closed }
}
