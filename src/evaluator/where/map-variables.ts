import { type Condition, isLiteral, type Operand, type Predicate, type Variable } from './condition.ts'

/** The condition with its variables replaced. */
export function mapVariables(condition: Condition, replace: (variable: Variable) => Variable): Condition {
  switch (condition.kind) {
    case 'or':
    case 'and':
      return { kind: condition.kind, of: condition.of.map((part) => mapVariables(part, replace)) }
    case 'not':
      return { kind: condition.kind, of: mapVariables(condition.of, replace) }
    default:
      return mapped(condition, (operand) => (isLiteral(operand) ? operand : replace(operand)))
  }
}

function mapped(predicate: Predicate, replace: (operand: Operand) => Operand): Predicate {
  if (predicate.kind === 'comparison')
    return { ...predicate, left: replace(predicate.left), right: replace(predicate.right) }
  return { ...predicate, operand: replace(predicate.operand) }
}
