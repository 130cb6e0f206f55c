import type { Random } from '../clock.ts'
import type { IssuerMetadata } from './issuer-metadata.ts'
import { TokenError } from './token-error.ts'
import type { Fetch } from './token-request.ts'

/** What a person has to do to sign in: shown to them by the program. */
export type SignInAsk =
  | {
      readonly kind: 'browser'
      /** To be opened in a browser on this machine. */
      readonly url: string
    }
  | {
      readonly kind: 'device'
      /** To be opened in a browser anywhere. */
      readonly url: string
      /** To be entered there. */
      readonly userCode: string
      /** The same with the code in it. */
      readonly completeUrl?: string
      readonly expiresInSeconds: number
    }

/** One sign-in of a person, for a client that cannot keep a secret. */
export interface SignIn {
  readonly metadata: IssuerMetadata
  readonly clientId: string
  readonly scope: string
  readonly resource: string | undefined
  /** Further parameters of the authorization request. */
  readonly parameters: Readonly<Record<string, string>>
  readonly show: (ask: SignInAsk) => void | Promise<void>
  readonly waitSecondsMax: number
  readonly fetch: Fetch
  readonly random: Random
  readonly signal: AbortSignal
}

/** @throws {TokenError} where the issuer has no such endpoint */
export function endpointFor(endpoint: string | undefined, issuer: string, what: string): string {
  if (endpoint !== undefined) return endpoint
  throw new TokenError(`${issuer} has no ${what} endpoint`, { code: 'unsupported', isFinal: true })
}
