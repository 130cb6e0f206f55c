import type { Clock } from '../clock.ts'
import { hasCode } from '../errors.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type CommitChanges, type Records, update } from '../storage/ports.ts'
import type { PasswordHasher } from './argon2.ts'
import type { Tries } from './tries.ts'
import { foldEmail, type User, users } from './user.ts'

interface Deps {
  readonly records: Records
  /** Without an audit event: a hash with other parameters says the same as before. */
  readonly keep: CommitChanges
  readonly clock: Clock
  readonly secrets: Secrets
  readonly hasher: PasswordHasher
  readonly tries: {
    /** Passwords for one e-mail address from one client address. */
    readonly byPerson: Tries
    /** Passwords from one client address, whoever they are for. */
    readonly byAddress: Tries
  }
}

export interface PasswordTry {
  /** As it was typed, whether somebody has it or not. */
  readonly email: string
  readonly password: string
  /** The client's address by trusted hop. */
  readonly address: string
}

export type PasswordAnswer =
  | { readonly kind: 'right' | 'wrong' }
  | { readonly kind: 'limited'; readonly retryAfterSeconds: number }

/**
 * Whether this is the user's password, within the limits of wrong ones. Takes as long where there is no user, or none
 * with a password. Says nothing of whether they may be let in: `userRefusal` does.
 * @throws {DomainError} `rate_limited` if too many people sign in at this moment
 */
export async function tryPassword(
  deps: Deps,
  user: User | undefined,
  { email, password, address }: PasswordTry,
): Promise<PasswordAnswer> {
  const { byPerson, byAddress } = deps.tries
  // Counted before it is looked at, so that many at once are no way around.
  const standings = await Promise.all([
    byPerson.take(`${foldEmail(email)} ${address}`),
    byAddress.take(address),
  ])
  const spent = standings.filter(({ isSpent }) => isSpent)
  if (spent.length > 0)
    return { kind: 'limited', retryAfterSeconds: Math.max(...spent.map(({ seconds }) => seconds)) }
  if (!(await verifyPassword(deps, user, password))) return { kind: 'wrong' }
  await Promise.all(standings.map((standing) => standing.giveBack()))
  if (user !== undefined) await hashAnew(deps, user, password)
  return { kind: 'right' }
}

/** Without limits: whoever calls it counts. Takes as long where there is no user, or none with a password. */
export async function verifyPassword(
  { secrets, hasher }: Pick<Deps, 'secrets' | 'hasher'>,
  user: User | undefined,
  password: string,
): Promise<boolean> {
  return await hasher.verify(user && hashOf(secrets, user), password)
}

function hashOf(secrets: Secrets, { id, password }: User): string | undefined {
  return password && secrets.open('passwords', id, password.sealedHash).toString()
}

/** When the parameters have changed since, the hash follows at the first right password. */
async function hashAnew(
  { records, keep, secrets, hasher }: Deps,
  user: User,
  password: string,
): Promise<void> {
  const hash = hashOf(secrets, user)
  if (hash === undefined || !hasher.isOutdated(hash)) return
  const sealedHash = secrets.seal('passwords', user.id, await hasher.hash(password))
  const before = await records.find(user.organizationId, users, user.id)
  if (before?.password?.sealedHash !== user.password?.sealedHash || before?.password === undefined) return
  const after = { ...before, password: { ...before.password, sealedHash } }
  await keep([update(users, before, after)]).catch((cause: unknown) => {
    // Something else of the user was changed: the next sign-in does it.
    if (!hasCode(cause, 'conflict')) throw cause
  })
}
