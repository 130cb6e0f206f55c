import type { Account, KoaContextWithOIDC } from 'oidc-provider'
import { parseId } from '../ids.ts'
import type { Records } from '../storage/ports.ts'
import { findPerson, isSignedOut, type Person } from './people.ts'

/** What the library knows of a person. */
interface PersonAccount extends Account {
  readonly person: Person
}

/**
 * The account of a session, code or token; `undefined` once its person may not be let in any more, or has been signed out
 * everywhere since.
 * @param signedInAt in seconds; `undefined` where nobody knows any more
 */
export async function findAccount(
  records: Records,
  accountId: string,
  signedInAt: number | undefined,
): Promise<PersonAccount | undefined> {
  const userId = parseId('usr', accountId)
  const person = userId && (await findPerson(records, userId))
  if (person === undefined || isSignedOut(person, signedInAt)) return undefined
  return { accountId, person, claims: () => claimsOf(person) }
}

/** The person for whom the library makes a token. */
export function personOf(ctx: KoaContextWithOIDC): Person {
  const account = ctx.oidc.account as PersonAccount | undefined
  if (account === undefined) throw new Error('a token is being made for a person who was not looked up')
  return account.person
}

/** All that is known (OpenID Connect Core §5.1); the library lets through what was consented to. */
function claimsOf({ user }: Person) {
  return {
    sub: user.id,
    email: user.email,
    email_verified: user.emailVerifiedAt !== undefined,
    ...(user.name === undefined ? {} : { name: user.name }),
  }
}
