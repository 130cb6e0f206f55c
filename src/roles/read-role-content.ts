import { DomainError, type Fault } from '../errors.ts'
import { LimitComparison } from '../evaluator/compare-limits.ts'
import { filtersIn, type Limits, limitsIn, withFilter } from '../evaluator/limits.ts'
import type { FilterStatement, Operation, Statement } from '../evaluator/model.ts'
import { type Given, type Giver, type OutsideOfGiving, outsideOfGiving } from '../services/giving.ts'
import { learnConditions } from '../services/learn-conditions.ts'
import { withoutWhereIn } from '../services/operations-of.ts'
import { readFiltersInTurns } from '../services/read-filter.ts'
import { type ReadStatement, readEachInTurns, statementGround } from '../services/read-statement.ts'
import { unreachableInTurns } from '../services/unreachable-statements.ts'
import type { Ground } from './ground.ts'
import { partsOf, type WrittenContent } from './read-policy.ts'

/** So many statements a role may have. */
export const statementsMax = 200

/** What a role allows, and what it shows of responses. */
export interface RoleContent {
  readonly allow: readonly Statement[]
  readonly filter?: readonly FilterStatement[]
}

/** Of a whole role, that alone. */
export function contentOf({ allow, filter }: RoleContent): RoleContent {
  return filter === undefined ? { allow } : { allow, filter }
}

/** The operations that statements name. */
export function operationsIn(allow: readonly Statement[]): ReadonlySet<string> {
  return new Set(allow.flatMap(({ operations }) => operations))
}

/**
 * Reads the statements and filters of an organization-defined role in their one spelling, under the one rule for giving.
 * In pieces: a role may be so large that others would notice.
 * @param had what the role allows already: keeping it gives nothing
 * @throws {DomainError} `role_refused` with every fault, its place and what to do
 */
export async function readRoleContent(
  written: WrittenContent,
  ground: Ground,
  giver: Giver,
  had: RoleContent = { allow: [] },
): Promise<RoleContent> {
  const { model, responses } = ground.service
  const { allow, filter, tell } = partsOf(written)
  const checking = statementGround(model.operations, model.resources ?? 'api')
  const { statements, faults } = await readEachInTurns(allow ?? [], checking, '/allow')
  const content = { allow: statements.map(({ statement }) => statement) }
  const shown =
    filter === undefined
      ? { filter: [], faults: [] }
      : await readFiltersInTurns(
          filter,
          { names: checking.names, allowed: operationsIn(content.allow), responses },
          '/filter',
        )
  const read = [...faults, ...shown.faults, ...unshownFaults(filter, ground)]
  const tooMany = sizeFaults(allow, statements, shown.filter)
  // Statements are held against one another, and against what is held: not without end.
  if (tooMany.length > 0) throw refused([...tooMany, ...read].map(tell))
  const filters = filtersIn(shown.filter)
  const given = statements.flatMap((one) => givenBy(one, filters))
  const unreachable = faults.length > 0 ? [] : await unreachableInTurns(statements, checking)
  await learnConditions(checking.comparison, content.allow, had.allow)
  const gained = giver.mayGrantRoles ? [] : notHad(given, ground, had, checking.comparison)
  const all = [...read, ...unreachable, ...outsideFaults(given, gained, ground, giver)]
  if (all.length > 0) throw refused(all.map(tell))
  return shown.filter.length === 0 ? content : { ...content, filter: shown.filter }
}

/** The management API answers whole or not at all: a filter would refuse all that it is put over. */
function unshownFaults(filter: unknown, { service }: Ground): readonly Fault[] {
  if (filter === undefined || service.kind !== 'system') return []
  const detail = `${service.slug} shows no parts of its responses, so that what this filter is put over would be refused`
  return [
    { pointer: '/filter', detail, fix: 'leave it out; `where` and `fields` say which requests are allowed' },
  ]
}

/**
 * The schema of the body bounds neither what comes as one text, nor the statements and filters that entries with fields of
 * their own become.
 */
function sizeFaults(
  allow: unknown,
  statements: readonly unknown[],
  filters: readonly unknown[],
): readonly Fault[] {
  const written = Array.isArray(allow) ? allow.length : 0
  const faults: Fault[] = []
  if (written === 0 || Math.max(written, statements.length) > statementsMax)
    faults.push({
      ...{ pointer: '/allow', detail: `a role has 1 to ${statementsMax} statements` },
      fix: 'list what it allows; join operations of one statement, and their fields',
    })
  if (filters.length > statementsMax)
    faults.push({
      ...{ pointer: '/filter', detail: `a role has at most ${statementsMax} filters` },
      fix: 'join operations of which the same is shown',
    })
  return faults
}

interface PlacedGift extends Given {
  readonly operation: Operation
  readonly pointer: string
}

function givenBy(
  { statement, operations, places, pointer }: ReadStatement,
  filters: ReturnType<typeof filtersIn>,
): readonly PlacedGift[] {
  const { operations: _operations, ...limits } = statement
  return operations.map((operation) => ({
    ...{ operation, operationId: operation.id, limits: withFilter(limits, filters.get(operation.id)) },
    pointer: places.get(operation.id) ?? pointer,
  }))
}

/** The entitlement bounds what is kept, too; only what goes further than before is given. */
function outsideFaults(
  given: readonly PlacedGift[],
  gained: readonly PlacedGift[],
  ground: Ground,
  giver: Giver,
): readonly Fault[] {
  const everyone: Giver = { mayGrantRoles: true, holds: () => true }
  const { id } = ground.service
  const beyond = outsideOfGiving(everyone, id, ground.operations, given)
  const notHeld = outsideOfGiving(giver, id, ground.operations, gained).filter(
    ({ reason }) => reason === 'not_held',
  )
  return firstOfEach([...beyond, ...notHeld]).map((one) => outsideFault(one, ground))
}

/** What the role does not allow yet, or not so far. */
function notHad(
  given: readonly PlacedGift[],
  { service }: Ground,
  had: RoleContent,
  known: LimitComparison,
): readonly PlacedGift[] {
  const comparison = new LimitComparison(undefined, known)
  const before = limitsIn(had.allow, had.filter)
  const withoutWhere = withoutWhereIn(service.model)
  return given.filter(
    ({ operation: { id }, limits }) =>
      !comparison.isWithinAny(limits, before.get(id) ?? [], withoutWhere(id)),
  )
}

/** An operation that may not be given is told of where it is named first. */
function firstOfEach(
  outside: readonly OutsideOfGiving<PlacedGift>[],
): readonly OutsideOfGiving<PlacedGift>[] {
  const byOperation = new Map(outside.toReversed().map((one) => [one.given.operationId, one]))
  return outside.filter((one) => byOperation.get(one.given.operationId) === one)
}

function outsideFault(
  { given: { operation, pointer, limits }, reason }: OutsideOfGiving<PlacedGift>,
  { service }: Ground,
): Fault {
  const { id } = operation
  if (reason === 'not_held')
    return {
      pointer,
      detail: isLimited(limits)
        ? `it is not certain that you hold ${id} as far as this statement goes, so you cannot give it`
        : `you do not hold ${id} yourself, so you cannot give it`,
      fix: 'ask somebody who may grant roles',
    }
  return operation.public === true
    ? { pointer, detail: `${id} is public: anybody may call it`, fix: 'leave it out' }
    : {
        pointer,
        detail: `${id} is outside of the organization's entitlement on ${service.slug}`,
        fix: 'leave it out, or ask the operator to entitle the organization to it',
      }
}

function isLimited({ where, fields, filter }: Limits): boolean {
  return where !== undefined || fields !== undefined || filter !== undefined
}

function refused(faults: readonly Fault[]): DomainError {
  const others = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return new DomainError('role_refused', `the role was refused: ${faults[0]?.detail ?? ''}${others}`, {
    faults,
  })
}
