import type { Fault } from '../errors.ts'
import type { LimitComparison } from '../evaluator/compare-limits.ts'
import { checkRequestVariable } from '../evaluator/request/check-request-variable.ts'
import type { Condition, Variable } from '../evaluator/where/condition.ts'
import { mapVariables } from '../evaluator/where/map-variables.ts'
import { parseCondition } from '../evaluator/where/parse-condition.ts'
import { predicatesOf } from '../evaluator/where/predicates-of.ts'
import { printCondition } from '../evaluator/where/print-condition.ts'
import { conditionFaults, type ResourcesKnown } from './check-condition.ts'
import type { NamedOperation } from './operation-names.ts'

interface Where {
  /** As it is kept: in its one spelling. */
  readonly where?: string
  readonly faults: readonly Fault[]
}

/** What a condition is held against. */
interface WhereGround {
  readonly resources: ResourcesKnown
  readonly comparison: LimitComparison
}

/** Reads the condition of a statement on these operations, each fault with its place in the text. */
export function readWhere(
  written: unknown,
  operations: readonly NamedOperation[],
  { resources, comparison }: WhereGround,
  pointer: string,
): Where {
  if (typeof written !== 'string')
    return {
      faults: [{ pointer, detail: 'a condition is a text', fix: 'write it so: "$principal:kind = \'key\'"' }],
    }
  const at = (offset: number, detail: string, fix: string): Fault => ({
    ...{ pointer, detail: `character ${[...written.slice(0, offset)].length + 1}: ${detail}`, fix },
  })
  const parsed = parseCondition(written)
  if ('faults' in parsed)
    return { faults: parsed.faults.map(({ offset, message, fix }) => at(offset, message, fix)) }
  const condition = renamed(parsed.condition, operations)
  const named = operations.map(({ operation }) => operation)
  const faultsIn = (text: string) => conditionFaults(predicatesOf(condition, text), named, resources)
  // Where its variables stand is read out of the text once there is something to tell of them.
  if (faultsIn('').length > 0)
    return { faults: faultsIn(written).map(({ offset, detail, fix }) => at(offset, detail, fix)) }
  const where = printCondition(condition)
  if (!comparison.canHold(where, condition)) {
    const detail = 'the condition can never hold, so that the statement allows nothing'
    const fix = 'join alternatives by OR, or leave the statement out'
    return { faults: [{ pointer, detail, fix }] }
  }
  if (condition === parsed.condition) return { where, faults: [] }
  // The document's names may be longer than those that were written.
  const printed = parseCondition(where)
  return 'faults' in printed
    ? { faults: printed.faults.map(({ message, fix }) => ({ pointer, detail: message, fix })) }
    : { where, faults: [] }
}

/** A parameter of the path has the name that the document gives it, where the list of operations calls it otherwise. */
function renamed(condition: Condition, operations: readonly NamedOperation[]): Condition {
  if (operations.every(({ renamed }) => renamed.size === 0)) return condition
  return mapVariables(condition, (variable) => {
    const name = parameterNameOf(variable)
    const [own, ...others] = new Set(operations.map((named) => nameFor(name, variable, named)))
    if (own === undefined || others.length > 0 || variable.of !== 'request') return variable
    return { ...variable, path: [own] }
  })
}

function parameterNameOf(variable: Variable): string | undefined {
  if (variable.of !== 'request' || variable.path.length !== 1) return undefined
  return variable.from === undefined || variable.from === 'path' ? variable.path[0] : undefined
}

function nameFor(
  name: string | undefined,
  variable: Variable,
  { operation, renamed }: NamedOperation,
): string | undefined {
  if (name === undefined || variable.of !== 'request') return undefined
  // What the document itself calls so is meant first.
  return 'detail' in checkRequestVariable(variable, operation) ? renamed.get(name) : name
}
