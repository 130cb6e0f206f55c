import type { WireRevocation } from './bundle.ts'

/** What of a token a revocation can name. */
export interface TokenMarks {
  /** Id → authority, as the token's `ver` has it. */
  readonly authorities: readonly (readonly [id: string, authority: number])[]
  readonly jti: string
  readonly grantId: string | undefined
  readonly roles: readonly string[]
  readonly kid: string
}

/** Revocation entries, ready to be asked by token: a few look-ups, whatever their number. */
export class RevocationIndex {
  readonly #authorities = new Map<string, Extract<WireRevocation, { kind: 'authority' }>>()
  readonly #others = new Map<string, WireRevocation>()

  /** Entries may come twice and out of order: the higher authority stays, whatever comes last. */
  add(entries: readonly WireRevocation[]): void {
    for (const entry of entries) {
      if (entry.kind !== 'authority') this.#others.set(nameOf(entry), entry)
      else if ((this.#authorities.get(entry.of)?.lowest ?? Number.NEGATIVE_INFINITY) <= entry.lowest)
        this.#authorities.set(entry.of, entry)
    }
  }

  /** Whether an entry ends the token. */
  ends({ authorities, jti, grantId, roles, kid }: TokenMarks): boolean {
    // Entries are forgotten with the tokens that they end: mostly there is none.
    if (this.#authorities.size > 0)
      for (const [id, authority] of authorities) {
        const entry = this.#authorities.get(id)
        if (entry !== undefined && authority < entry.lowest) return true
      }
    if (this.#others.size === 0) return false
    return (
      this.#others.has(`jti:${jti}`) ||
      this.#others.has(`signing_key:${kid}`) ||
      (grantId !== undefined && this.#others.has(`grant:${grantId}`)) ||
      roles.some((role) => this.#others.has(`role:${role}`))
    )
  }

  /** Drops entries whose tokens have all expired. An end that cannot be read is never reached. */
  forget(nowMs: number): void {
    for (const [id, entry] of this.#authorities)
      if (Date.parse(entry.forget_at) <= nowMs) this.#authorities.delete(id)
    for (const [name, entry] of this.#others)
      if (Date.parse(entry.forget_at) <= nowMs) this.#others.delete(name)
  }

  entries(): readonly WireRevocation[] {
    return [...this.#authorities.values(), ...this.#others.values()]
  }
}

function nameOf(entry: Exclude<WireRevocation, { kind: 'authority' }>): string {
  switch (entry.kind) {
    case 'jti':
      return `jti:${entry.jti}`
    case 'grant':
      return `grant:${entry.grant_id}`
    case 'role':
      return `role:${entry.role_id}`
    case 'signing_key':
      return `signing_key:${entry.kid}`
    default:
      throw new Error(`unknown revocation: ${entry satisfies never}`)
  }
}
