import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  type IDToken,
  randomNonce,
  randomPKCECodeVerifier,
  type UserInfoResponse,
} from 'openid-client'
import { z } from 'zod'
import { DomainError } from '../errors.ts'
import type { Connection } from './connection.ts'
import { openIdProviders, type ProviderDeps } from './openid-provider.ts'
import { upstreamFault } from './upstream-fault.ts'
import type { UpstreamIdentity, UpstreamSignIn } from './upstream-sign-in.ts'

/** What a sign-in needs again when the browser comes back. */
const Keep = z.strictObject({
  connection: z.string(),
  issuer: z.string(),
  redirectUri: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  maxAgeSeconds: z.number().optional(),
})

const subjectLengthMax = 255
/** What is handed on of how somebody signed in is kept with each session, and told to each app. */
const wordLengthMax = 255
const wordsMax = 20
/** In bytes. It is kept with each session, and goes into the address that ends the provider's, which servers bound. */
const idTokenLengthMax = 4_096

/** Signs people in at OpenID providers: the code flow with PKCE, `nonce`, `state` and, where the provider sends it, `iss`. */
export function openIdSignIn(deps: ProviderDeps): UpstreamSignIn {
  const providerOf = openIdProviders(deps)
  return {
    begin: (connection, { redirectUri, state, loginHint, prompt, maxAgeSeconds, acrValues }) =>
      refusing(connection, async () => {
        const provider = await providerOf(connection)
        const [nonce, verifier] = [randomNonce(), randomPKCECodeVerifier()]
        const url = buildAuthorizationUrl(provider, {
          ...{ redirect_uri: redirectUri, scope: connection.scopes.join(' '), state, nonce },
          ...{ code_challenge: await calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' },
          ...(loginHint === undefined ? {} : { login_hint: loginHint }),
          ...(prompt === undefined ? {} : { prompt }),
          ...(maxAgeSeconds === undefined ? {} : { max_age: String(maxAgeSeconds) }),
          ...(acrValues === undefined ? {} : { acr_values: acrValues.join(' ') }),
        })
        const { id, issuer } = connection
        const keep: z.output<typeof Keep> = {
          connection: id,
          issuer,
          redirectUri,
          nonce,
          verifier,
          maxAgeSeconds,
        }
        return { url: url.href, keep: JSON.stringify(keep) }
      }),
    finish: (connection, { callbackUrl }, keep, state) =>
      refusing(connection, async () => {
        const kept = Keep.parse(JSON.parse(keep))
        // RFC 9700 §4.4: what was begun at one provider is never finished at another.
        if (kept.connection !== connection.id || kept.issuer !== connection.issuer) throw anothers()
        const provider = await providerOf(connection)
        const returned = new URL(kept.redirectUri)
        returned.search = new URL(callbackUrl).search
        const tokens = await authorizationCodeGrant(provider, returned, {
          ...{ expectedState: state, expectedNonce: kept.nonce, pkceCodeVerifier: kept.verifier },
          idTokenExpected: true,
          ...(kept.maxAgeSeconds === undefined ? {} : { maxAge: kept.maxAgeSeconds }),
        })
        const said = tokens.claims()
        if (said === undefined) throw new Error('no ID token')
        refuseOtherParty(said, connection)
        refuseLongSubject(said)
        const userInfo = await userInfoOf(provider, tokens.access_token, said.sub)
        return {
          ...identityOf(said, userInfo),
          ...(isHint(tokens.id_token) ? { idToken: tokens.id_token } : {}),
        }
      }),
    logoutUrl: (connection, { idTokenHint, postLogoutRedirectUri, state }) =>
      refusing(connection, async () => {
        const provider = await providerOf(connection)
        if (provider.serverMetadata().end_session_endpoint === undefined) return undefined
        return buildEndSessionUrl(provider, {
          post_logout_redirect_uri: postLogoutRedirectUri,
          ...(idTokenHint === undefined ? {} : { id_token_hint: idTokenHint }),
          ...(state === undefined ? {} : { state }),
        }).href
      }),
  }
}

function anothers(): DomainError {
  return new DomainError('sign_in_refused', 'this sign-in was begun at another identity provider', {
    fix: 'begin the sign-in anew',
  })
}

async function refusing<T>({ name }: Connection, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw cause instanceof DomainError ? cause : refused(name, cause)
  }
}

function refused(name: string, cause: unknown): DomainError {
  const { detail, fix } = upstreamFault(cause)
  return new DomainError('sign_in_refused', `signing in through ${name} failed: ${detail}`, { fix, cause })
}

/** OpenID Connect Core §3.1.3.7 (5). The library looks at `azp` only beside several audiences. */
function refuseOtherParty({ azp }: IDToken, { clientId }: Connection): void {
  if (azp !== undefined && azp !== clientId)
    throw new Error('azp is another client', { cause: { claim: 'azp' } })
}

/** OpenID Connect Core §2. It is kept as a key, letter by letter. */
function refuseLongSubject({ sub }: IDToken): void {
  if (sub.length > subjectLengthMax)
    throw new Error(`it is longer than ${subjectLengthMax} characters`, { cause: { claim: 'sub' } })
}

/** Many providers keep the ID token small and tell the rest at their userinfo endpoint. */
async function userInfoOf(
  provider: Configuration,
  accessToken: string,
  subject: string,
): Promise<UserInfoResponse | undefined> {
  if (provider.serverMetadata().userinfo_endpoint === undefined) return undefined
  return await fetchUserInfo(provider, accessToken, subject)
}

/** What the ID token says comes before what userinfo says: it is signed. */
function identityOf(said: IDToken, userInfo: UserInfoResponse | undefined): UpstreamIdentity {
  const attributes = { ...userInfo, ...said }
  const { email, name, auth_time: authTime, acr, amr, sid } = attributes
  const emailVerified = verifiedIn(said, email) ?? verifiedIn(userInfo, email)
  return {
    ...{ subject: said.sub, attributes },
    ...(typeof email === 'string' ? { email } : {}),
    ...(emailVerified === undefined ? {} : { emailVerified }),
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof authTime === 'number' ? { authTime } : {}),
    ...(isWord(acr) ? { acr } : {}),
    ...(areWords(amr) ? { amr } : {}),
    ...(typeof sid === 'string' ? { sid } : {}),
  }
}

/** What one of both says of the address, if it is the same there. Some providers write it as text. */
function verifiedIn(from: IDToken | UserInfoResponse | undefined, email: unknown): boolean | undefined {
  const verified: unknown = from?.email === email ? from?.['email_verified'] : undefined
  return verified === undefined ? undefined : verified === true || verified === 'true'
}

/** RP-Initiated Logout 1.0 §2: the hint is recommended only; the client id, which always goes along, stands in for it. */
function isHint(idToken: string | undefined): idToken is string {
  return idToken !== undefined && idToken.length <= idTokenLengthMax
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && value.length <= wordLengthMax
}

function areWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= wordsMax && value.every(isWord)
}
