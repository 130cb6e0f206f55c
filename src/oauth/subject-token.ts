import type { JWTPayload } from 'jose'
import { parseId } from '../ids.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import type { EndedTokens } from './ended-tokens.ts'
import type { Assumer, Authenticated, Subject } from './exchange.ts'
import { findPerson } from './people.ts'
import type { ReadAccessToken } from './read-access-token.ts'
import { delegableScopes } from './usable-scopes.ts'

interface Deps {
  readonly records: Records
  readonly endedTokens: EndedTokens
}

/**
 * Who the key and its token say that they are. The token must be the key's own, or that of a person who is in the key's
 * organization and uses it: an app of another organization acts for people by delegation, and what was delegated is not
 * exchanged. Nor is what was assumed.
 * @returns `undefined` for whatever is wrong: whoever tries with another's token is not to learn what it is good for
 */
export async function assumerOf(
  { records, endedTokens }: Deps,
  service: Service,
  authenticated: Authenticated,
  token: ReadAccessToken | undefined,
): Promise<Assumer | undefined> {
  const { key, organization } = authenticated
  if (token === undefined || token.clientId !== key.id || endedTokens.has(token.marks)) return undefined
  const { claims } = token
  const isOwn = claims['org_id'] === organization.id
  const isAssumed = claims['act'] !== undefined || claims['assumption'] !== undefined
  if (!isOwn || isAssumed || claims['env'] !== key.environment) return undefined
  if (claims.sub === key.id) return { ...authenticated, subject: subjectOf(key.id, token) }
  const userId = parseId('usr', claims.sub ?? '')
  const person = userId && (await findPerson(records, userId))
  if (person?.organization.id !== organization.id) return undefined
  const subject = subjectOf(person.user.id, token)
  return {
    ...{ ...authenticated, person },
    subject: { ...subject, consented: consentedTo(service, claims), signedIn: signedInBy(claims) },
  }
}

function subjectOf(id: Subject['id'], { claims, exp }: ReadAccessToken): Subject {
  const { cnf } = claims
  const boundTo = typeof cnf === 'object' && cnf !== null && 'jkt' in cnf ? String(cnf.jkt) : undefined
  return { id, exp, signedIn: {}, ...(boundTo === undefined ? {} : { boundTo }) }
}

function consentedTo(service: Service, { scope }: JWTPayload): readonly string[] {
  const given = typeof scope === 'string' ? scope.split(' ') : []
  const delegable = new Set(delegableScopes(service))
  return given.filter((name) => delegable.has(name))
}

/** The consent ends what came of it, and who asks for a fresh sign-in gets to see how fresh it is (RFC 9470). */
function signedInBy(claims: JWTPayload): Subject['signedIn'] {
  const names = ['grant_id', 'auth_time', 'acr', 'amr']
  return Object.fromEntries(names.flatMap((name) => (name in claims ? [[name, claims[name]]] : [])))
}
