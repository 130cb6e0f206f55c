import type { Logo } from './logo.ts'

export const pkceRules = ['required', 'not_for_confidential_with_nonce'] as const
export const securityProfiles = ['none', 'fapi_2_0'] as const
export const registrationRules = ['off', 'open', 'initial_access_token'] as const

/** What the sign-in pages of a service look like. */
export interface Brand {
  /** Without it the service's title. */
  readonly name?: string
  /** `#rrggbb`, lower case. Its text is black or white, whichever has the higher contrast. */
  readonly colour?: string
  readonly logo?: Logo
}

/** How people and apps sign in at a service: what its document does not say. */
export interface SignInSettings {
  readonly brand: Brand
  /** FAPI 2.0 Security Profile: apps sign assertions, for the issuer alone; no refresh token is rotated; no RS256. */
  readonly securityProfile: (typeof securityProfiles)[number]
  /** RFC 9700 §2.1.1: who authenticates and sends a `nonce` may be let off PKCE. */
  readonly pkce: (typeof pkceRules)[number]
  /** Dynamic client registration (RFC 7591). */
  readonly registration: (typeof registrationRules)[number]
  /** Apps may name themselves by the address of a document that describes them. */
  readonly clientIdMetadataDocuments: boolean
  /** Authorization requests may come by POST (OpenID Connect Core §3.1.2.1), too. */
  readonly authorizeByPost: boolean
  /** What `acr_values_supported` tells. */
  readonly acrValues: readonly string[]
  /** The `acr` of a sign-in with a password; without it there is none. A connection hands on what its provider says. */
  readonly passwordAcr: string | null
  /** RFC 9126 §5: authorization requests come by PAR alone. */
  readonly requirePushedRequests: boolean
  /** RFC 9449 §5: every token is bound to a key. */
  readonly requireDpop: boolean
  /** Clients of a conformance suite that knows no PKCE. */
  readonly conformanceExemptPkceClientIds: readonly string[]
  /** A session ends when nobody has used it for so long. */
  readonly sessionIdleSeconds: number
  /** A session ends so long after the sign-in. */
  readonly sessionAbsoluteSeconds: number
  readonly refreshTokenSeconds: number
}

const defaults: SignInSettings = {
  brand: {},
  securityProfile: 'none',
  pkce: 'required',
  registration: 'off',
  clientIdMetadataDocuments: false,
  authorizeByPost: false,
  acrValues: [],
  passwordAcr: null,
  requirePushedRequests: false,
  requireDpop: false,
  conformanceExemptPkceClientIds: [],
  sessionIdleSeconds: 28_800,
  sessionAbsoluteSeconds: 604_800,
  refreshTokenSeconds: 2_592_000,
}

/** The settings of a service: what was set, and the defaults for the rest. */
export function signInOf(service: { readonly signIn?: Partial<SignInSettings> }): SignInSettings {
  return { ...defaults, ...service.signIn }
}
