import type { FilterStatement, Operation, ServiceModel, ServiceRole, Statement } from '../evaluator/model.ts'

// Guards of version 0.3 and before pass over a role's `filter`, and would let whole responses through. So what a role
// allows with a filter is told in a member of its own, which they pass over too: to them it is not allowed.

interface Says {
  readonly allow: readonly Statement[]
  readonly filter?: readonly FilterStatement[]
}

interface Apart {
  /** Statements for operations that the role has a filter for; on the wire they are not in `allow`. */
  readonly filtered?: readonly Statement[]
}

type WireRole<R extends Says> = R & Apart

type WireOperation = Operation & {
  /** Those alternatives of which a role has a filter for the operation; on the wire they are not in `alternatives`. */
  readonly filteredAlternatives?: Operation['alternatives']
}

export interface WireModel extends ServiceModel {
  readonly operations: readonly WireOperation[]
  readonly roles: readonly WireRole<ServiceRole>[]
}

export function wireRole<R extends Says>(role: R): WireRole<R> {
  const { allow, filter = [] } = role
  if (filter.length === 0) return role
  const withFilter = new Set(filter.flatMap(({ operations }) => operations))
  const some = (wanted: boolean) => allow.flatMap((one) => restricted(one, withFilter, wanted))
  return { ...role, allow: some(false), filtered: some(true) }
}

/** The statement for those of its operations alone that have a filter, or have none. */
function restricted(statement: Statement, filtered: ReadonlySet<string>, wanted: boolean): Statement[] {
  const operations = statement.operations.filter((id) => filtered.has(id) === wanted)
  return operations.length === 0 ? [] : [{ ...statement, operations }]
}

/** The role as decisions read it. */
export function roleOfWire<R extends Says>(role: WireRole<R>): R {
  const { filtered, ...rest } = role
  if (filtered === undefined) return role
  // Sound: what is left out is what a wire's role has more than one that is no wire's.
  return { ...(rest as unknown as R), allow: [...role.allow, ...filtered] }
}

export function wireModel(model: ServiceModel): WireModel {
  const filters = new Map(
    model.roles.flatMap(({ name, filter = [] }) =>
      filter.length === 0 ? [] : [[name, new Set(filter.flatMap(({ operations }) => operations))] as const],
    ),
  )
  if (filters.size === 0) return model
  const operations = model.operations.map((operation): WireOperation => {
    const isFiltered = (names: readonly string[]) =>
      names.some((name) => filters.get(name)?.has(operation.id) === true)
    const filteredAlternatives = operation.alternatives.filter(isFiltered)
    if (filteredAlternatives.length === 0) return operation
    const alternatives = operation.alternatives.filter((names) => !isFiltered(names))
    return { ...operation, alternatives, filteredAlternatives }
  })
  return { ...model, operations, roles: model.roles.map(wireRole) }
}

/** The model as decisions read it. */
export function modelOfWire(model: WireModel): ServiceModel {
  const isPlain =
    model.roles.every(({ filtered }) => filtered === undefined) &&
    model.operations.every(({ filteredAlternatives }) => filteredAlternatives === undefined)
  if (isPlain) return model
  const operations = model.operations.map(({ filteredAlternatives = [], ...operation }) => ({
    ...operation,
    alternatives: [...operation.alternatives, ...filteredAlternatives],
  }))
  return { ...model, operations, roles: model.roles.map((role) => roleOfWire<ServiceRole>(role)) }
}
