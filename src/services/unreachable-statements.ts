import type { Fault } from '../errors.ts'
import type { LimitComparison } from '../evaluator/compare-limits.ts'
import type { WithoutWhere } from '../evaluator/limits.ts'
import type { Operation, Statement } from '../evaluator/model.ts'
import type { ResourcesKnown } from './check-condition.ts'
import { atOnce, inTurns } from './pace.ts'

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
  return atOnce(lookOneByOne(statements, ground))
}

/** The same in pieces, so that others have their turn of the event loop. */
export function unreachableInTurns(
  statements: readonly Written[],
  ground: Ground,
): Promise<readonly Fault[]> {
  return inTurns(lookOneByOne(statements, ground))
}

/** Yields each statement before it is looked at. */
function* lookOneByOne(statements: readonly Written[], ground: Ground): Generator<unknown, readonly Fault[]> {
  const byOperation = new Map<string, number[]>()
  for (const [i, { statement }] of statements.entries())
    for (const id of statement.operations) {
      const places = byOperation.get(id)
      if (places === undefined) byOperation.set(id, [i])
      else places.push(i)
    }
  // To read the lists of fields is most of the work, and the first statement may be held against all others.
  for (const statement of comparedByFields(statements, byOperation)) {
    yield statement
    if (statement.fields !== undefined) ground.comparison.learnFields(statement.fields)
  }
  const faults: Fault[] = []
  for (const [i, one] of statements.entries()) {
    const { where, fields } = one.statement
    if (where === undefined && fields === undefined) continue
    yield one.statement
    const by = coveringAll(one, new Covering(statements, i, ground), byOperation, ground)
    if (by === undefined) continue
    const detail = `the statement adds nothing: ${by.pointer} allows all that it does, and more`
    const fix = `leave one of the two out: any statement that allows is enough`
    faults.push({ pointer: one.pointer, detail, fix })
  }
  return faults
}

/** Those whose fields are sure to be compared: no proof of a condition stands before. */
function comparedByFields(
  written: readonly Written[],
  byOperation: ReadonlyMap<string, readonly number[]>,
): readonly Statement[] {
  const statements = written.map(({ statement }) => statement)
  const byCondition = Map.groupBy(statements, ({ where }) => where)
  return statements.filter(({ operations, where }) => {
    const isAlike = (byCondition.get(where) ?? []).length > 1 || byCondition.has(undefined)
    return isAlike && operations.some((id) => (byOperation.get(id) ?? []).length > 1)
  })
}

/** The first of the statements that allow all that one does, if each of its operations has one. */
function coveringAll(
  { operations }: Written,
  covering: Covering,
  byOperation: ReadonlyMap<string, readonly number[]>,
  ground: Ground,
): Written | undefined {
  let by: Written | undefined
  for (const operation of operations) {
    const found = covering.among(byOperation.get(operation.id) ?? [], withoutWhere(operation, ground))
    if (found === undefined) return undefined
    by ??= found
  }
  return by
}

/** Which statements allow all that one does. Each is asked about once, however many operations the two share. */
class Covering {
  readonly #statements: readonly Written[]
  readonly #narrow: number
  readonly #comparison: LimitComparison
  readonly #known: Record<WithoutWhere, Map<number, boolean>> = {
    matches_tags: new Map(),
    anything: new Map(),
  }

  constructor(statements: readonly Written[], narrow: number, { comparison }: Ground) {
    this.#statements = statements
    this.#narrow = narrow
    this.#comparison = comparison
  }

  among(places: readonly number[], without: WithoutWhere): Written | undefined {
    const known = this.#known[without]
    const by = places.find((place) => {
      const answer = known.get(place) ?? this.#covers(place, without)
      known.set(place, answer)
      return answer
    })
    return by === undefined ? undefined : this.#statements[by]
  }

  /** Of two that say the same, the later one is superfluous. */
  #covers(place: number, without: WithoutWhere): boolean {
    const [narrow, wide] = [this.#statements[this.#narrow]?.statement, this.#statements[place]?.statement]
    if (place === this.#narrow || narrow === undefined || wide === undefined) return false
    if (!this.#comparison.isWithin(narrow, wide, without)) return false
    return place < this.#narrow || !this.#comparison.isWithin(wide, narrow, without)
  }
}

/** A document does not say who will know the resources: that they may be matched by tags is counted with. */
function withoutWhere({ resourceParameter }: Operation, { resources }: Ground): WithoutWhere {
  return resourceParameter !== undefined && resources !== 'api' ? 'matches_tags' : 'anything'
}
