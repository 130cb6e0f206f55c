import { AtHand } from './at-hand.ts'
import { type Bits, emptyBits, noBits, type OwnBits, setBit, unite } from './bits.ts'
import { ByOperation } from './by-operation.ts'
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
type Limited = ByOperation<readonly CompiledStatement[]>

/** What statements open. */
export interface Opened {
  /** All operations that they name. */
  readonly operations: Bits
  /** Those that a statement names without `where` and `fields`, and that no `filter` is for. */
  readonly plain: Bits
  /** Statements with `where`, `fields` or a filter for the operation. */
  readonly limited: Limited
}

const noStatements: Limited = new ByOperation(0)

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
  readonly #operationCount: number
  readonly #filters: Filters
  #plain: OwnBits | undefined
  readonly #limited: [index: number, statement: CompiledStatement][] = []

  constructor(operationCount: number, filters: Filters) {
    this.#operationCount = operationCount
    this.#filters = filters
  }

  open(index: number, statement: CompiledStatement = unlimited): void {
    const filter = statement.filter ?? this.#filters.get(index)
    if (filter !== undefined) this.#limited.push([index, { ...statement, filter }])
    else if (statement.where !== undefined || statement.fields !== undefined)
      this.#limited.push([index, statement])
    else {
      this.#plain ??= noBits(this.#operationCount)
      setBit(this.#plain, index)
    }
  }

  opened(): Opened {
    const plain = this.#plain ?? emptyBits(this.#operationCount)
    if (this.#limited.length === 0) return { operations: plain, plain, limited: noStatements }
    const operations = plain.slice()
    const limited: Limited = new ByOperation(this.#limited.length)
    const alone = new Map<CompiledStatement, readonly CompiledStatement[]>()
    for (const [index, statement] of this.#limited) {
      setBit(operations, index)
      const known = limited.get(index)
      limited.set(index, known === undefined ? aloneIn(alone, statement) : [...known, statement])
    }
    return { operations, plain, limited }
  }
}

/** A statement as a list, one for all operations of which nothing else is said. */
function aloneIn(
  alone: Map<CompiledStatement, readonly CompiledStatement[]>,
  statement: CompiledStatement,
): readonly CompiledStatement[] {
  const known = alone.get(statement)
  if (known !== undefined) return known
  const made = [statement]
  alone.set(statement, made)
  return made
}

/** What several open when they are held at once. */
export function openedTogether(operationCount: number, several: readonly Opened[]): Opened {
  const plain = noBits(operationCount)
  const limited: Limited = new ByOperation(several.reduce((sum, one) => sum + one.limited.size, 0))
  const operations = noBits(operationCount)
  for (const one of several) {
    unite(plain, one.plain)
    unite(operations, one.operations)
    for (const [index, statements] of one.limited) {
      const known = limited.get(index)
      limited.set(index, known === undefined ? statements : [...known, ...statements])
    }
  }
  if (limited.size === 0) return { operations: plain, plain, limited: noStatements }
  return { operations, plain, limited }
}

/** One statement; its operations and the filters for them are looked at elsewhere. */
export function compileStatement({ fields, where }: Statement): CompiledStatement {
  if (fields === undefined) return where === undefined ? unlimited : conditional.of(where, statementAnew)
  const ofFields = compiledFields(fields)
  // What was saved can be read; what nonetheless cannot must not allow.
  if (ofFields === 'unreadable') return unreadable
  return {
    fields: ofFields,
    where: where === undefined ? undefined : conditional.of(where, statementAnew).where,
    filter: undefined,
  }
}

const unreadable: CompiledStatement = { fields: undefined, where: () => 'unknown', filter: undefined }

function compiledFields(fields: readonly string[]): RequestFields | 'unreadable' {
  const parsed = fields.map(parseFieldPattern)
  const patterns = parsed.flatMap((one) => ('pattern' in one ? [one.pattern] : []))
  return patterns.length < parsed.length ? 'unreadable' : new RequestFields(patterns)
}

/** Statements that say a condition and no more: roles say the same ones again and again. */
const conditional = new AtHand<CompiledStatement>()

function statementAnew(where: string): CompiledStatement {
  const parsed = parseCondition(where)
  if (!('condition' in parsed)) return unreadable
  return { fields: undefined, where: compileCondition(parsed.condition), filter: undefined }
}
