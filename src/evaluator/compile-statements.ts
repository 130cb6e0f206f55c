import { type Bits, noBits, setBit, unite } from './bits.ts'
import type { Statement } from './model.ts'
import type { IndexedOperation } from './path-trie.ts'
import { parseFieldPattern } from './request/field-pattern.ts'
import { RequestFields } from './request/request-fields.ts'
import { type CompiledCondition, compileCondition } from './where/compile-condition.ts'
import { parseCondition } from './where/parse-condition.ts'

/** A statement that says more than operations. */
export interface CompiledStatement {
  readonly fields: RequestFields | undefined
  readonly where: CompiledCondition | undefined
}

/** Statements by the places of the operations that they name. */
type Limited = ReadonlyMap<number, readonly CompiledStatement[]>

/** What statements open. */
export interface Opened {
  /** All operations that they name. */
  readonly operations: Bits
  /** Those that a statement names without `where` and `fields`. */
  readonly plain: Bits
  /** Statements with `where` or `fields`. */
  readonly limited: Limited
}

const noStatements: Limited = new Map()

/** Statements made ready to decide by. Names that the document no longer has open nothing. */
export function compileStatements(
  operationsById: ReadonlyMap<string, IndexedOperation>,
  statements: readonly Statement[],
): Opened {
  const plain = noBits(operationsById.size)
  const limited = new Map<number, CompiledStatement[]>()
  for (const statement of statements) {
    const compiled = compiledStatement(statement)
    for (const id of statement.operations) {
      const index = operationsById.get(id)?.index
      if (index === undefined) continue
      if (compiled === undefined) setBit(plain, index)
      else add(limited, index, compiled)
    }
  }
  return opened(plain, limited)
}

/** What several open when they are held at once, `plain` besides, which becomes a part of the answer. */
export function openedTogether(plain: Bits, several: Iterable<Opened>): Opened {
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

function compiledStatement({ fields, where }: Statement): CompiledStatement | undefined {
  if (fields === undefined && where === undefined) return undefined
  const ofFields = fields === undefined ? undefined : compiledFields(fields)
  // What was saved can be read; what nonetheless cannot must not allow.
  if (ofFields === 'unreadable') return { fields: undefined, where: () => 'unknown' }
  return { fields: ofFields, where: where === undefined ? undefined : compiledWhere(where) }
}

function compiledFields(fields: readonly string[]): RequestFields | 'unreadable' {
  const parsed = fields.map(parseFieldPattern)
  const patterns = parsed.flatMap((one) => ('pattern' in one ? [one.pattern] : []))
  return patterns.length < parsed.length ? 'unreadable' : new RequestFields(patterns)
}

function compiledWhere(where: string): CompiledCondition {
  const parsed = parseCondition(where)
  return 'condition' in parsed ? compileCondition(parsed.condition) : () => 'unknown'
}
