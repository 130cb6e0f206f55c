import type { CompiledModel } from '../compile-model.ts'
import { explainedOperation } from './explained-operation.ts'
import type { Explanation } from './explanation.ts'
import { findChanges } from './find-changes.ts'
import { decideIn, readSituation, type Situation } from './situation.ts'
import { tryOperations } from './try-operations.ts'

export interface ExplainOptions {
  /** Ids of the roles that the caller's organization has defined: they may be given, too. The facts must know them. */
  readonly ownRoles?: readonly string[]
}

/**
 * Why a request is decided as it is, and what would have it allowed. Looks at everything, where `decide` stops early: for
 * people, not for requests under way. What it tells of resources is for the service's owner alone.
 */
export function explain(
  model: CompiledModel,
  asked: Situation,
  { ownRoles = [] }: ExplainOptions = {},
): Explanation {
  const situation = readSituation(asked)
  const decision = decideIn(model, situation)
  const tried = tryOperations(model, situation)
  const operations = tried.map((one) => explainedOperation(model, situation, one))
  if (decision.allowed) return { decision, operations, changes: [] }
  const named = new Set(operations.map(({ operation }) => operation.id))
  const naming = ownRoles.filter((id) => {
    const allow = situation.facts.role(id)?.allow ?? []
    return allow.some((statement) => statement.operations.some((operation) => named.has(operation)))
  })
  const statements = tried.flatMap(({ sides }) =>
    sides.flatMap(({ roles }) => roles.flatMap((one) => one.tried)),
  )
  const changes = findChanges(
    { model, ownRoles: naming },
    { start: situation, denied: decision },
    statements.length,
  )
  return { decision, operations, changes }
}
