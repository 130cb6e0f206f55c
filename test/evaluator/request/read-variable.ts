import type { RequestVariable } from '../../../src/evaluator/where/condition.ts'
import { parseCondition } from '../../../src/evaluator/where/parse-condition.ts'

/** The variable of the request that is written so, as conditions read it. */
export function readVariable(written: string): RequestVariable {
  const parsed = parseCondition(`${written} IS NULL`)
  if (
    'condition' in parsed &&
    parsed.condition.kind === 'is_null' &&
    parsed.condition.operand.of === 'request'
  )
    return parsed.condition.operand
  throw new Error(`${written} is no variable of the request`)
}
