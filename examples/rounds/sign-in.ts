import * as oauth from 'openid-client'
import type { Person, SignIn } from './sessions.ts'

export interface ClientOptions {
  /** The issuer of the API that Rounds calls: all else about it is discovered there. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Registered with the client; the answer is taken at no other address. */
  readonly redirectUri: string
  /** Registered with the client, too: where people land when they have signed out. */
  readonly signedOutUri: string
}

/** What Rounds asks for: who the person is, then scopes of the API. A person may have the right to fewer of them. */
const scopes = ['openid', 'email', 'patients:read', 'appointments:read', 'appointments:write']

/** The authorization code flow with PKCE, as `openid-client` does it. */
export async function signInFlow({
  issuer,
  clientId,
  clientSecret,
  redirectUri,
  signedOutUri,
}: ClientOptions) {
  const config = await oauth.discovery(new URL(issuer), clientId, clientSecret, undefined, {
    // Plain http is for trying things on one machine. The signature of ID tokens is checked either way.
    execute: issuer.startsWith('http://localhost:')
      ? [oauth.allowInsecureRequests, oauth.enableNonRepudiationChecks]
      : [oauth.enableNonRepudiationChecks],
  })
  return {
    /** Where to send the person, and what to remember meanwhile in their session. */
    begin: async (): Promise<{ url: string; signIn: SignIn }> => {
      const signIn = {
        state: oauth.randomState(),
        nonce: oauth.randomNonce(),
        codeVerifier: oauth.randomPKCECodeVerifier(),
      }
      const url = oauth.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: scopes.join(' '),
        state: signIn.state,
        nonce: signIn.nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(signIn.codeVerifier),
        code_challenge_method: 'S256',
      })
      return { url: url.href, signIn }
    },

    /**
     * Exchanges the code in the address at which the person came back.
     * @throws if the answer is a refusal, or does not fit: another state, `iss` or nonce; an ID token that is not right
     */
    finish: async (query: string, { state, nonce, codeVerifier }: SignIn): Promise<Person> => {
      const answer = await oauth.authorizationCodeGrant(config, new URL(`${redirectUri}?${query}`), {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
      })
      const claims = answer.claims()
      const email = claims?.['email']
      return {
        name: typeof email === 'string' ? email : (claims?.sub ?? ''),
        // RFC 6749 §5.1: left out if it is just what was asked for.
        scopes: answer.scope?.split(' ') ?? scopes,
        accessToken: answer.access_token,
        idToken: answer.id_token ?? '',
        endsAt: Date.now() + (answer.expiresIn() ?? 0) * 1000,
      }
    },

    /** Where the person signs out for good. */
    signOutUrl: (idToken: string): string =>
      oauth.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: signedOutUri })
        .href,
  }
}

export type SignInFlow = Awaited<ReturnType<typeof signInFlow>>

/** Why a sign-in came to nothing, in words for the person. */
export function whyNot(error: unknown): string {
  if (error instanceof oauth.AuthorizationResponseError)
    return error.error === 'access_denied'
      ? 'You did not allow it, or your organization does not.'
      : `The answer was a refusal: ${error.error_description ?? error.error}.`
  return 'The answer did not belong to a sign-in that was begun here.'
}
