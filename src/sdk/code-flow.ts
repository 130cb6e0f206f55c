import { hash } from 'node:crypto'
import type { Random } from '../clock.ts'
import { openLoopback, type Returned } from './loopback-redirect.ts'
import { endpointFor, type SignIn } from './sign-in.ts'
import { TokenError } from './token-error.ts'
import { type IssuedToken, requestToken } from './token-request.ts'

/**
 * Signs a person in through a browser on this machine (RFC 8252): the code flow with PKCE (RFC 7636) and a loopback
 * redirect.
 * @throws {TokenError} `sign_in_timeout`, `access_denied` and others of RFC 6749 §4.1.2.1, or as the exchange does
 */
export async function signInByCode(signIn: SignIn): Promise<IssuedToken> {
  const { metadata, random, waitSecondsMax, signal, show } = signIn
  const endpoint = endpointFor(metadata.authorizationEndpoint, metadata.issuer, 'authorization')
  const [state, verifier] = [unguessable(random), unguessable(random)]
  const loopback = await openLoopback(state, waitSecondsMax, signal)
  try {
    const { redirectUri } = loopback
    await show({ kind: 'browser', url: authorizationUrl(signIn, endpoint, { redirectUri, state, verifier }) })
    const returned = await loopback.returned
    return await exchange(signIn, returned, redirectUri, verifier)
  } finally {
    await loopback.close()
  }
}

interface Asked {
  readonly redirectUri: string
  readonly state: string
  readonly verifier: string
}

function authorizationUrl(signIn: SignIn, endpoint: string, { redirectUri, state, verifier }: Asked): string {
  const { clientId, scope, resource, parameters } = signIn
  const url = new URL(endpoint)
  const own = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    ...(resource === undefined ? {} : { resource }),
    state,
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries({ ...parameters, ...own })) url.searchParams.set(name, value)
  return url.href
}

async function exchange(
  signIn: SignIn,
  { parameters, tell }: Returned,
  redirectUri: string,
  verifier: string,
): Promise<IssuedToken> {
  const { fetch, metadata, clientId, resource, signal } = signIn
  try {
    const code = codeIn(parameters, signIn)
    const issued = await requestToken(fetch, {
      endpoint: metadata.tokenEndpoint,
      clientId,
      form: {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        resource,
      },
      signal,
    })
    tell('You are signed in. You can close this window.')
    return issued
  } catch (error) {
    tell('You are not signed in. The program that you started says why; you can close this window.')
    throw error
  }
}

function codeIn(parameters: URLSearchParams, { metadata }: SignIn): string {
  const iss = parameters.get('iss')
  // RFC 9207 §2.4: an answer of another issuer is not looked at, errors included.
  if (iss === null ? metadata.namesItself : iss !== metadata.issuer)
    throw new TokenError('the answer to the sign-in is of another issuer', {
      code: 'unexpected_answer',
      isFinal: true,
    })
  const error = parameters.get('error')
  if (error !== null) {
    const description = parameters.get('error_description')
    const message = `${metadata.issuer} answered the sign-in with ${printable(error)}`
    const told = description === null ? '' : `: ${printable(description)}`
    throw new TokenError(message + told, { code: error, isFinal: true })
  }
  const code = parameters.get('code')
  if (code !== null && code !== '') return code
  throw new TokenError('the answer to the sign-in has no code', { code: 'unexpected_answer', isFinal: true })
}

/** It came through a browser, and goes to a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300)
}

function unguessable(random: Random): string {
  return Buffer.from(random(32)).toString('base64url')
}
