import { hasBit } from './bits.ts'
import { type CompiledStatement, type Opened, unlimited } from './compile-statements.ts'

/** One statement that names an operation, on its way through the procedure. */
export interface Candidate extends CompiledStatement {
  /** Absent where only several roles together open the operation. */
  readonly role: string | undefined
  /** Without `where`, all tags of a resource must match the principal's: as roles are meant, not what bounds them. */
  readonly matchesTags: boolean
}

/** Statements of which one must allow: the roles', and those of what bounds them, the entitlement and the scope. */
export type Side = readonly Candidate[]

/** A role that a caller holds, with what it opens alone. */
export interface GrantedRole extends Opened {
  /** Absent: several roles together, by an alternative that needs them all. */
  readonly name: string | undefined
  /** What it says of an operation that it only names. */
  readonly plainly: Side
  /** What it says of each of the others. */
  readonly limiting: ReadonlyMap<number, Side>
}

/** Made once for all who hold the role, so that a decision makes nothing of it anew. */
export function grantedRole({ operations, plain, limited }: Opened, name: string | undefined): GrantedRole {
  const as = { role: name, matchesTags: true }
  const plainly: Side = [{ ...unlimited, ...as }]
  const limiting = new Map<number, Side>()
  for (const [index, statements] of limited) {
    const side = statements.map((one): Candidate => ({ ...one, ...as }))
    limiting.set(index, hasBit(plain, index) ? [...plainly, ...side] : side)
  }
  return { operations, plain, limited, name, plainly, limiting }
}

const nothing: Side = []

/** The statements of a role that name an operation. */
export function statementsFor({ plain, plainly, limiting }: GrantedRole, index: number): Side {
  return limiting.get(index) ?? (hasBit(plain, index) ? plainly : nothing)
}
