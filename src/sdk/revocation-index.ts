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
  readonly #lowest = new Map<string, number>()
  readonly #ended = new Set<string>()
  readonly #forgetAt = new Map<string, number>()

  add(entries: readonly WireRevocation[]): void {
    for (const entry of entries) {
      const name = nameOf(entry)
      // Never lowered: entries may come twice and out of order.
      if (entry.kind === 'authority')
        this.#lowest.set(name, Math.max(entry.lowest, this.#lowest.get(name) ?? entry.lowest))
      else this.#ended.add(name)
      const forgetAt = Date.parse(entry.forget_at)
      // An end that cannot be read is never reached.
      const atMost = Number.isNaN(forgetAt) ? Number.POSITIVE_INFINITY : forgetAt
      this.#forgetAt.set(name, Math.max(atMost, this.#forgetAt.get(name) ?? 0))
    }
  }

  /** Whether an entry ends the token. */
  ends({ authorities, jti, grantId, roles, kid }: TokenMarks): boolean {
    for (const [id, authority] of authorities) {
      const lowest = this.#lowest.get(`authority:${id}`)
      if (lowest !== undefined && authority < lowest) return true
    }
    if (this.#ended.size === 0) return false
    return (
      this.#ended.has(`jti:${jti}`) ||
      this.#ended.has(`signing_key:${kid}`) ||
      (grantId !== undefined && this.#ended.has(`grant:${grantId}`)) ||
      roles.some((role) => this.#ended.has(`role:${role}`))
    )
  }

  /** Drops entries whose tokens have all expired. */
  forget(nowMs: number): void {
    for (const [name, forgetAt] of this.#forgetAt) {
      if (forgetAt > nowMs) continue
      this.#forgetAt.delete(name)
      this.#lowest.delete(name)
      this.#ended.delete(name)
    }
  }
}

function nameOf(entry: WireRevocation): string {
  switch (entry.kind) {
    case 'authority':
      return `authority:${entry.of}`
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
