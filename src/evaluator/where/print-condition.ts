import { type Condition, isLiteral, type Literal, type Operand, type Predicate } from './condition.ts'
import { printLikePattern } from './like-pattern.ts'
import { quoted } from './quoted-text.ts'
import { printVariable } from './variable-name.ts'

/** A condition in its one spelling: keywords in capitals, straight quotes, parentheses only where they matter. */
export function printCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'or':
      return condition.of.map(printCondition).join(' OR ')
    case 'and':
      return condition.of.map((part) => printWithin(part, part.kind === 'or')).join(' AND ')
    case 'not':
      return `NOT ${printWithin(condition.of, 'of' in condition.of)}`
    default:
      return printPredicate(condition)
  }
}

function printWithin(condition: Condition, isLooser: boolean): string {
  const text = printCondition(condition)
  return isLooser ? `(${text})` : text
}

function printPredicate(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'comparison':
      return `${printOperand(predicate.left)} ${predicate.operator} ${printOperand(predicate.right)}`
    case 'in':
      return printTest(predicate, `IN (${predicate.literals.map(printOperand).join(', ')})`)
    case 'like':
      return printTest(predicate, `LIKE ${quoted(printLikePattern(predicate))}`)
    case 'between':
      return printTest(
        predicate,
        `BETWEEN ${printOperand(predicate.low)} AND ${printOperand(predicate.high)}`,
      )
    case 'is_null':
      return `${printOperand(predicate.operand)} IS ${predicate.negated ? 'NOT ' : ''}NULL`
    default:
      throw new Error(`unknown predicate: ${predicate satisfies never}`)
  }
}

function printTest({ operand, negated }: { operand: Operand; negated: boolean }, test: string): string {
  return `${printOperand(operand)} ${negated ? 'NOT ' : ''}${test}`
}

function printOperand(operand: Operand): string {
  return isLiteral(operand) ? printLiteral(operand) : printVariable(operand)
}

function printLiteral(literal: Literal): string {
  switch (literal.of) {
    case 'text':
      return quoted(literal.text)
    case 'number':
      return literal.text
    case 'boolean':
      return literal.value ? 'TRUE' : 'FALSE'
    default:
      throw new Error(`unknown literal: ${literal satisfies never}`)
  }
}
