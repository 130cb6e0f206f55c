import type { IncomingMessage } from 'node:http'
import type { RefusalReason } from '../audit/activity.ts'
import type { ClientKey } from '../client-keys/client-key.ts'
import type { Arrival } from '../http/arrival.ts'
import type { ClientKeyId, UserId } from '../ids.ts'
import type { Organization } from '../organizations/organization.ts'
import type { RegisteredApp } from '../registered-apps/registered-app.ts'
import type { Assumption } from '../roles/assumption.ts'
import type { Role } from '../roles/role.ts'
import type { Endpoint } from './endpoints.ts'
import type { Person } from './people.ts'

/** A key that may authenticate here now, with the facts beside it. */
export interface Authenticated {
  readonly key: ClientKey
  readonly organization: Organization
  /** The organization-defined role that the key holds, if it holds one. */
  readonly role: Role | undefined
}

/** Who wants to act in a role of another organization: a key, or a person through a key of their own organization. */
export interface Assumer extends Authenticated {
  readonly person?: Person
  readonly subject: Subject
}

/** What the token says that they present of themselves (RFC 8693 §2.1, `subject_token`). */
export interface Subject {
  readonly id: ClientKeyId | UserId
  /** When it ends, in seconds. */
  readonly exp: number
  /** What a person has let the key do, of what the service's API has scopes for. Absent: a key's own token. */
  readonly consented?: readonly string[]
  /** RFC 7638 thumbprint of the key that it is bound to. */
  readonly boundTo?: string
  /** How the person signed in, and by which consent: as the claims that tokens have of it. */
  readonly signedIn: Readonly<Record<string, unknown>>
}

/** Somebody who acts in a role of another organization. */
export interface Assuming {
  readonly assumption: Assumption
  /** Whose role it is. */
  readonly organization: Organization
  /** Where the role is organization-defined. */
  readonly role: Role | undefined
  readonly by: Assumer
}

/** What is known of one request while the library works on it. */
export interface Exchange extends Arrival {
  readonly endpoint: Endpoint['kind']
  /** The key that the request names, once it is known to exist. */
  key?: ClientKey
  authenticated?: Authenticated
  /** The true reason of the refusal, which the stranger is not told. */
  refused?: RefusalReason
  /** The app that registered itself, once it is known that it may be used now. */
  app?: RegisteredApp
  /** What the token that is being made assumes. */
  assuming?: Assuming
  /** The code that came with the address of the device page. */
  userCode?: string
  /** A secret was made in this request, and is shown. */
  hasNewSecret?: true
  /** The value of the refresh token that replaces the one presented. */
  refreshSuccessor?: string
  /** The library has authenticated the client, and then found that the token is a JWT, which it does not look into. */
  hasStructuredToken?: true
}

// On the request itself, as in `src/http/arrival.ts`.
const begun = Symbol('exchange')
type Begun = IncomingMessage & { [begun]?: Exchange }

export function begin(request: IncomingMessage, arrival: Arrival, endpoint: Endpoint['kind']): Exchange {
  const exchange: Exchange = { ...arrival, endpoint }
  ;(request as Begun)[begun] = exchange
  return exchange
}

/** The exchange of the request that the library hands to its hooks. */
export function exchangeOf(ctx: { readonly req: IncomingMessage }): Exchange {
  const exchange = (ctx.req as Begun)[begun]
  if (exchange === undefined) throw new Error('a request reached the issuer past its front')
  return exchange
}

/** The key for which the library makes a token. */
export function authenticatedOf(ctx: { readonly req: IncomingMessage }): Authenticated {
  const { authenticated } = exchangeOf(ctx)
  if (authenticated === undefined) throw new Error('a token is being made for a key that was not looked up')
  return authenticated
}
