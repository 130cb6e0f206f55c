import type { Fault } from '../errors.ts'
import type { LimitComparison, WithoutWhere } from '../evaluator/limits.ts'
import type { Operation, Statement } from '../evaluator/model.ts'
import type { ResourcesKnown } from './check-condition.ts'

interface Written {
  readonly statement: Statement
  readonly pointer: string
  readonly operations: readonly Operation[]
}

interface Ground {
  readonly resources: ResourcesKnown
  readonly comparison: LimitComparison
}

/**
 * Statements with a condition or fields that limit nothing, because others of the role allow all of it anyway: their
 * author means something that they do not say. An operation that is just named again is no such thing.
 */
export function unreachableStatements(statements: readonly Written[], ground: Ground): readonly Fault[] {
  const byOperation = new Map<string, number[]>()
  for (const [i, { statement }] of statements.entries())
    for (const id of statement.operations) byOperation.set(id, [...(byOperation.get(id) ?? []), i])
  return statements.flatMap((one, i): readonly Fault[] => {
    const { where, fields } = one.statement
    if (where === undefined && fields === undefined) return []
    const covers = one.operations.map((operation) =>
      byOperation
        .get(operation.id)
        ?.find((j) => isCovered(statements, i, j, withoutWhere(operation, ground), ground)),
    )
    const [first] = covers
    const by = first === undefined ? undefined : statements[first]
    if (by === undefined || covers.includes(undefined)) return []
    const detail = `the statement adds nothing: ${by.pointer} allows all that it does, and more`
    const fix = `leave one of the two out: any statement that allows is enough`
    return [{ pointer: one.pointer, detail, fix }]
  })
}

/** Of two that say the same, the later one is superfluous. */
function isCovered(
  statements: readonly Written[],
  i: number,
  j: number,
  without: WithoutWhere,
  { comparison }: Ground,
): boolean {
  const [narrow, wide] = [statements[i]?.statement, statements[j]?.statement]
  if (i === j || narrow === undefined || wide === undefined) return false
  if (!comparison.isWithin(narrow, wide, without)) return false
  return j < i || !comparison.isWithin(wide, narrow, without)
}

/** A document does not say who will know the resources: that they may be matched by tags is counted with. */
function withoutWhere({ resourceParameter }: Operation, { resources }: Ground): WithoutWhere {
  return resourceParameter !== undefined && resources !== 'api' ? 'matches_tags' : 'anything'
}
