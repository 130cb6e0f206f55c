import { type Bits, hasBit } from './bits.ts'
import { ByOperation } from './by-operation.ts'
import { type CompiledStatement, type Opened, unlimited } from './compile-statements.ts'

/** One statement that names an operation, on its way through the procedure. */
export interface Candidate extends CompiledStatement {
  /** By what it opens the operation: a role; none where only several together do, or where it is a bound. */
  readonly by: { readonly role: string | undefined }
  /** Without `where`, all tags of a resource must match the principal's: as roles are meant, not what bounds them. */
  readonly matchesTags: boolean
}

/** Statements of which one must allow: the roles', and those of what bounds them, the entitlement and the scope. */
export type Side = readonly Candidate[]

/** A role that a caller holds, with what it opens alone. */
export interface GrantedRole {
  /** Absent: several roles together, by an alternative that needs them all. */
  readonly name: string | undefined
  readonly operations: Bits
  /** What it names without `where`, `fields` and `filter`. */
  readonly plain: Bits
  /** What it says of an operation that it only names. */
  readonly plainly: Side
  /** What it says of each of the others; of those of which it says the same, by one object. */
  readonly limiting: ByOperation<Side>
}

/** Made once for all who hold the role, so that a decision makes nothing of it anew. */
export function grantedRole({ operations, plain, limited }: Opened, name: string | undefined): GrantedRole {
  const as = { by: { role: name }, matchesTags: true }
  const plainly: Side = [{ ...unlimited, ...as }]
  const limiting = new ByOperation<Side>(limited.size)
  const sides = new Map<readonly CompiledStatement[], Side>()
  for (const [index, statements] of limited) {
    const side = sides.get(statements) ?? statements.map((one): Candidate => ({ ...one, ...as }))
    sides.set(statements, side)
    limiting.set(index, hasBit(plain, index) ? [...plainly, ...side] : side)
  }
  return { name, operations, plain, plainly, limiting }
}

const nothing: Side = []

/** The statements of a role that name an operation. */
export function statementsFor({ plain, plainly, limiting }: GrantedRole, index: number): Side {
  return limiting.get(index) ?? (hasBit(plain, index) ? plainly : nothing)
}
