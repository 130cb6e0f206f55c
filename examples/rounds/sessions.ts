import { randomBytes } from 'node:crypto'
import type { Context } from 'koa'

/** A sign-in under way: what the answer must fit. */
export interface SignIn {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

/** Whoever has signed in, and what Rounds may do in their name. */
export interface Person {
  readonly name: string
  readonly scopes: readonly string[]
  readonly accessToken: string
  readonly idToken: string
  readonly endsAt: number
}

export interface Session {
  signIn?: SignIn
  person?: Person
}

const cookieName = 'rounds_session'
const idleMs = 8 * 3_600_000

/** Sessions by a cookie that holds nothing but an id: tokens never leave the server. */
export class Sessions {
  readonly #secure: boolean
  readonly #sessions = new Map<string, { session: Session; usedAt: number }>()

  /** @param origin where browsers reach Rounds */
  constructor(origin: string) {
    this.#secure = origin.startsWith('https:')
  }

  of(ctx: Context): Session | undefined {
    const found = this.#sessions.get(ctx.cookies.get(cookieName) ?? '')
    if (found === undefined || found.usedAt + idleMs < Date.now()) return undefined
    found.usedAt = Date.now()
    return found.session
  }

  /** Under a new id: one that somebody planted before the sign-in is worth nothing after it. */
  begin(ctx: Context, session: Session): void {
    this.end(ctx)
    const id = randomBytes(32).toString('base64url')
    this.#sessions.set(id, { session, usedAt: Date.now() })
    // Lax: it comes along when the person returns from the sign-in, and not with other sites' forms.
    ctx.cookies.set(cookieName, id, {
      httpOnly: true,
      sameSite: 'lax',
      secure: this.#secure,
      overwrite: true,
    })
  }

  end(ctx: Context): void {
    this.#sessions.delete(ctx.cookies.get(cookieName) ?? '')
    ctx.cookies.set(cookieName, null, { overwrite: true })
    this.#forgetIdle()
  }

  #forgetIdle(): void {
    for (const [id, { usedAt }] of this.#sessions) if (usedAt + idleMs < Date.now()) this.#sessions.delete(id)
  }
}
