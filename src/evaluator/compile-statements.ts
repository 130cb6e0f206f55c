import { type Bits, noBits, setBit, unite } from './bits.ts'
import type { Statement } from './model.ts'
import type { IndexedOperation } from './path-trie.ts'
import { parseFieldPattern } from './request/field-pattern.ts'
import { RequestFields } from './request/request-fields.ts'
import type { Filters } from './response/compile-filters.ts'
import type { Filter } from './response/response-filter.ts'
import { type CompiledCondition, compileCondition } from './where/compile-condition.ts'
import { parseCondition } from './where/parse-condition.ts'

/** A statement that says more than operations. */
export interface CompiledStatement {
  readonly fields: RequestFields | undefined
  readonly where: CompiledCondition | undefined
  /** What is shown of responses to what it allows. Absent: all. */
  readonly filter: Filter | undefined
}

/** What a statement says that names operations alone. */
export const unlimited: CompiledStatement = { fields: undefined, where: undefined, filter: undefined }

/** Statements by the places of the operations that they name. */
type Limited = ReadonlyMap<number, readonly CompiledStatement[]>

/** What statements open. */
export interface Opened {
  /** All operations that they name. */
  readonly operations: Bits
  /** Those that a statement names without `where` and `fields`, and that no `filter` is for. */
  readonly plain: Bits
  /** Statements with `where`, `fields` or a filter for the operation. */
  readonly limited: Limited
}

const noStatements: Limited = new Map()

/** Statements of a role made ready to decide by. Names that the document no longer has open nothing. */
export function compileStatements(
  operationsById: ReadonlyMap<string, IndexedOperation>,
  statements: readonly Statement[],
  filters: Filters,
): Opened {
  const building = new OpenedBuilder(operationsById.size, filters)
  for (const statement of statements) {
    const compiled = compileStatement(statement)
    for (const id of statement.operations) {
      const index = operationsById.get(id)?.index
      if (index !== undefined) building.open(index, compiled)
    }
  }
  return building.opened()
}

/** Enters what opens operations, with the filter that there is for each. */
export class OpenedBuilder {
  readonly #plain: Bits
  readonly #limited = new Map<number, CompiledStatement[]>()
  readonly #filters: Filters

  constructor(operationCount: number, filters: Filters) {
    this.#plain = noBits(operationCount)
    this.#filters = filters
  }

  open(index: number, statement: CompiledStatement = unlimited): void {
    const filter = statement.filter ?? this.#filters.get(index)
    if (filter !== undefined) add(this.#limited, index, { ...statement, filter })
    else if (statement.where === undefined && statement.fields === undefined) setBit(this.#plain, index)
    else add(this.#limited, index, statement)
  }

  opened(): Opened {
    return opened(this.#plain, this.#limited)
  }
}

/** What several open when they are held at once. */
export function openedTogether(operationCount: number, several: Iterable<Opened>): Opened {
  const plain = noBits(operationCount)
  const limited = new Map<number, CompiledStatement[]>()
  for (const one of several) {
    unite(plain, one.plain)
    for (const [index, statements] of one.limited)
      for (const statement of statements) add(limited, index, statement)
  }
  return opened(plain, limited)
}

function add(limited: Map<number, CompiledStatement[]>, index: number, statement: CompiledStatement): void {
  const known = limited.get(index)
  if (known === undefined) limited.set(index, [statement])
  else known.push(statement)
}

function opened(plain: Bits, limited: Limited): Opened {
  if (limited.size === 0) return { operations: plain, plain, limited: noStatements }
  const operations = plain.slice()
  for (const index of limited.keys()) setBit(operations, index)
  return { operations, plain, limited }
}

/** One statement; its operations and the filters for them are looked at elsewhere. */
export function compileStatement({ fields, where }: Statement): CompiledStatement {
  if (fields === undefined && where === undefined) return unlimited
  const ofFields = fields === undefined ? undefined : compiledFields(fields)
  // What was saved can be read; what nonetheless cannot must not allow.
  if (ofFields === 'unreadable') return { ...unlimited, where: () => 'unknown' }
  return { ...unlimited, fields: ofFields, where: where === undefined ? undefined : compiledWhere(where) }
}

function compiledFields(fields: readonly string[]): RequestFields | 'unreadable' {
  const parsed = fields.map(parseFieldPattern)
  const patterns = parsed.flatMap((one) => ('pattern' in one ? [one.pattern] : []))
  return patterns.length < parsed.length ? 'unreadable' : new RequestFields(patterns)
}

/** Of so many characters of conditions each, two lots are kept at hand. */
const charactersMax = 2 ** 18

/**
 * Roles say the same condition again and again, and share what is made of it. At hand are those that were asked for
 * lately: when the newer lot is full, it takes the place of the older one.
 */
const atHand = {
  newer: new Map<string, CompiledCondition>(),
  older: new Map<string, CompiledCondition>(),
  characters: 0,
}

function compiledWhere(where: string): CompiledCondition {
  const known = atHand.newer.get(where)
  if (known !== undefined) return known
  const compiled = atHand.older.get(where) ?? compiledAnew(where)
  atHand.characters += where.length
  if (atHand.characters > charactersMax) {
    atHand.older = atHand.newer
    atHand.newer = new Map()
    atHand.characters = where.length
  }
  atHand.newer.set(where, compiled)
  return compiled
}

function compiledAnew(where: string): CompiledCondition {
  const parsed = parseCondition(where)
  return 'condition' in parsed ? compileCondition(parsed.condition) : () => 'unknown'
}
