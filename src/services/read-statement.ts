import type { Fault } from '../errors.ts'
import { LimitComparison } from '../evaluator/compare-limits.ts'
import type { Operation, Statement } from '../evaluator/model.ts'
import { nearest } from '../evaluator/nearest.ts'
import { checkFieldPatterns } from '../evaluator/request/check-field-patterns.ts'
import { printFieldPattern } from '../evaluator/request/field-pattern.ts'
import { jsonPointer } from '../json-text.ts'
import type { ResourcesKnown } from './check-condition.ts'
import { isObject, member } from './json-value.ts'
import { type OperationNames, operationNames } from './operation-names.ts'
import { atOnce, inTurns } from './pace.ts'
import { byOwnFields, type Entry, readOperations } from './read-entries.ts'
import { readWhere } from './read-where.ts'
import { unreachableStatements } from './unreachable-statements.ts'

/** Nobody reads more at once, and to look for what was meant is work for each. */
const faultsToldMax = 100
const statementKeys = ['operations', 'where', 'fields']

/** What the statements of one role are held against. */
export interface StatementGround {
  readonly names: OperationNames
  readonly resources: ResourcesKnown
  /** Its steps are those of the role: a ground is made for each. */
  readonly comparison: LimitComparison
}

export function statementGround(
  operations: readonly Operation[],
  resources: ResourcesKnown,
): StatementGround {
  return { names: operationNames(operations), resources, comparison: new LimitComparison() }
}

/** A statement as it is kept, and where it was written. */
export interface ReadStatement {
  readonly statement: Statement
  readonly pointer: string
  /** By the ids of its operations. */
  readonly places: ReadonlyMap<string, string>
  readonly operations: readonly Operation[]
}

interface ReadStatements {
  readonly statements: readonly ReadStatement[]
  readonly faults: readonly Fault[]
}

/** Reads the statements of a role in the order of writing; the operations come out by their ids, each once. */
export function readStatements(value: unknown, ground: StatementGround, place: string): ReadStatements {
  const { statements, faults } = readEachStatement(value, ground, place)
  return { statements, faults: faults.length > 0 ? faults : unreachableStatements(statements, ground) }
}

/** The same without a look at what they say together. */
export function readEachStatement(value: unknown, ground: StatementGround, place: string): ReadStatements {
  return atOnce(readOneByOne(value, ground, place))
}

/** The same in pieces, so that others have their turn of the event loop. */
export function readEachInTurns(
  value: unknown,
  ground: StatementGround,
  place: string,
): Promise<ReadStatements> {
  return inTurns(readOneByOne(value, ground, place))
}

/** Yields each statement before it is read. */
function* readOneByOne(
  value: unknown,
  ground: StatementGround,
  place: string,
): Generator<unknown, ReadStatements> {
  if (!Array.isArray(value))
    return {
      statements: [],
      faults: [{ pointer: place, detail: 'allow is a list of statements', fix: '[{ operations: [ … ] }]' }],
    }
  const statements: ReadStatement[] = []
  const faults: Fault[] = []
  for (const [i, statement] of value.entries()) {
    if (faults.length >= faultsToldMax) break
    yield statement
    const read = readStatement(statement, ground, `${place}/${i}`)
    statements.push(...read.statements)
    faults.push(...read.faults)
  }
  return { statements, faults }
}

/** Reads one statement. Entries that list fields of their own become statements of their own. */
export function readStatement(value: unknown, ground: StatementGround, place: string): ReadStatements {
  const { entries, faults } = readOperations(value, ground.names, place)
  faults.push(...keyFaults(value, place))
  const given = member(value, 'where')
  const where = given === undefined ? { faults: [] } : readWhere(given, entries, ground, `${place}/where`)
  const fields = member(value, 'fields')
  const groups = byOwnFields(entries)
  const read = Array.from(groups.values(), (group) => readFields(group, fields, place))
  const statements = read.map(({ group, patterns }): ReadStatement => {
    const places = new Map(group.toReversed().map(({ operation, pointer }) => [operation.id, pointer]))
    const operations = [...new Set(group.map(({ operation }) => operation))]
    return {
      statement: {
        operations: operations.map(({ id }) => id),
        ...(where.where === undefined ? {} : { where: where.where }),
        ...(patterns === undefined ? {} : { fields: patterns }),
      },
      ...{ pointer: place, places, operations },
    }
  })
  return { statements, faults: [...faults, ...where.faults, ...read.flatMap((one) => one.faults)] }
}

interface ReadFields {
  readonly group: readonly Entry[]
  readonly patterns?: readonly string[]
  readonly faults: readonly Fault[]
}

/** @param group entries of one statement that list the same fields, or none */
function readFields(group: readonly Entry[], ofStatement: unknown, place: string): ReadFields {
  const [first] = group
  if (first?.fields !== undefined && ofStatement !== undefined) {
    const detail = 'the fields stand both at the operation and at the statement'
    return { group, faults: [{ pointer: first.pointer, detail, fix: 'leave one of the two out' }] }
  }
  const written = first?.fields ?? ofStatement
  if (written === undefined) return { group, faults: [] }
  const pointer = first?.fields === undefined ? `${place}/fields` : first.pointer
  if (!Array.isArray(written) || !written.every((field) => typeof field === 'string'))
    return {
      group,
      faults: [{ pointer, detail: 'fields is a list of texts', fix: '[metadata.name, tags.*]' }],
    }
  const checked = checkFieldPatterns(
    written,
    group.map(({ operation }) => operation.request),
  )
  if ('patterns' in checked)
    return { group, patterns: [...new Set(checked.patterns.map(printFieldPattern))], faults: [] }
  const isListed = first?.fields === undefined
  const faults = checked.faults.map(({ index, detail, fix }) => ({
    pointer: index === undefined || !isListed ? pointer : `${pointer}/${index}`,
    detail,
    fix,
  }))
  return { group, faults }
}

function keyFaults(value: unknown, place: string): readonly Fault[] {
  const keys = isObject(value) ? Object.keys(value).filter((key) => !statementKeys.includes(key)) : []
  return keys.map((key) => {
    const pointer = place + jsonPointer(key)
    if (key === 'filter')
      return {
        pointer,
        detail: 'filter is not of one statement, but of the role: beside allow',
        fix: 'filter: [{ operations: [ … ], fields: [ … ] }]',
      }
    const fix = `did you mean ${nearest(key, statementKeys) ?? 'operations'}?`
    return { pointer, detail: `a statement has no ${key}`, fix }
  })
}
