import type { Connection } from './connection.ts'

/** Who signed in at the provider, as it says. Nothing of it is believed yet but that the provider said it. */
export interface UpstreamIdentity {
  readonly subject: string
  readonly email?: string
  /** `undefined`: the provider says nothing of it. */
  readonly emailVerified?: boolean
  readonly name?: string
  /** All claims, of the ID token and of userinfo. */
  readonly attributes: Readonly<Record<string, unknown>>
  /** Unix seconds. */
  readonly authTime?: number
  readonly acr?: string
  readonly amr?: readonly string[]
  /** The provider's session, by which it may end ours. */
  readonly sid?: string
  /** For `logoutUrl`; absent, too, if it is too long to be kept and sent back. */
  readonly idToken?: string
}

/** What every kind of provider can do. A sign-in leaves the browser between `begin` and `finish`. */
export interface UpstreamSignIn {
  /**
   * @returns where to send the browser, and what `finish` needs again, which is secret: the caller seals it
   * @throws {DomainError} `sign_in_refused`, with a `fix`, if the provider cannot be reached or is not what it was
   */
  begin(
    connection: Connection,
    ask: {
      /** The connection's own. */
      readonly redirectUri: string
      /** Bound to the browser by the caller, who also sees to it that it is used once. */
      readonly state: string
      readonly loginHint?: string | undefined
      readonly prompt?: string | undefined
      readonly maxAgeSeconds?: number | undefined
      /** How well the person should sign in, best first; the provider may know none of it. */
      readonly acrValues?: readonly string[] | undefined
    },
  ): Promise<{ readonly url: string; readonly keep: string }>
  /**
   * @param returned the whole address at which the browser came back; only its query is looked at
   * @throws {DomainError} `sign_in_refused`, with a `fix`, for everything that is not a sign-in of this connection
   */
  finish(
    connection: Connection,
    returned: { readonly callbackUrl: string },
    keep: string,
    state: string,
  ): Promise<UpstreamIdentity>
  /** Where the browser ends its session at the provider; `undefined` if the provider offers no such thing. */
  logoutUrl(
    connection: Connection,
    ask: {
      readonly idTokenHint?: string | undefined
      readonly postLogoutRedirectUri: string
      /** Comes back with the browser. */
      readonly state?: string | undefined
    },
  ): Promise<string | undefined>
}
