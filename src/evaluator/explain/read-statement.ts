import { type CompiledStatement, compileStatement } from '../compile-statements.ts'
import type { Statement } from '../model.ts'
import type { Condition } from '../where/condition.ts'
import { parseCondition } from '../where/parse-condition.ts'

interface ReadStatement {
  readonly compiled: CompiledStatement
  /** Absent: it has none, or none that can be read. */
  readonly condition: Condition | undefined
}

/** By the statement itself, which does not change: it is asked for again with each change that is tried. */
const read = new WeakMap<Statement, ReadStatement>()

export function readStatement(statement: Statement): ReadStatement {
  const known = read.get(statement)
  if (known !== undefined) return known
  const parsed = statement.where === undefined ? undefined : parseCondition(statement.where)
  const condition = parsed !== undefined && 'condition' in parsed ? parsed.condition : undefined
  const made = { compiled: compileStatement(statement), condition }
  read.set(statement, made)
  return made
}
