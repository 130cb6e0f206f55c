import { type Condition, isLiteral, type Operand, type Variable } from './condition.ts'
import { printVariable } from './variable-name.ts'

/** The variables of a condition, each spelling once, in the order of the text. */
export function variablesOf(condition: Condition): readonly Variable[] {
  const variables = new Map<string, Variable>()
  for (const operand of operandsOf(condition))
    if (!isLiteral(operand)) variables.set(printVariable(operand), operand)
  return [...variables.values()]
}

function operandsOf(condition: Condition): readonly Operand[] {
  switch (condition.kind) {
    case 'or':
    case 'and':
      return condition.of.flatMap(operandsOf)
    case 'not':
      return operandsOf(condition.of)
    case 'comparison':
      return [condition.left, condition.right]
    default:
      return [condition.operand]
  }
}
