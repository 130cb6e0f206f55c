import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { z } from 'zod'
import { OutgoingRefused } from './guarded-fetch.ts'

/** What was met at a provider, and what to do about it, in words for who set the connection up. */
export interface UpstreamFault {
  readonly detail: string
  readonly fix: string
}

const textMax = 300

/** RFC 6749 §4.1.2.1 and §5.2: what the provider calls it. */
const fixOf: Readonly<Record<string, string>> = {
  access_denied: 'assign the person to this application at the identity provider',
  invalid_client: 'check the client id, the client secret, and how the client is to authenticate',
  invalid_grant: 'begin the sign-in anew: its code was used before, or came too late',
  invalid_scope: 'ask for fewer scopes: the identity provider does not know all of them',
  redirect_uri_mismatch: "register the connection's redirect URI at the identity provider, letter by letter",
  unauthorized_client: 'allow this client the authorization code grant at the identity provider',
}

/** Unwraps what the library and the guard throw. Nothing of a token is repeated. */
export function upstreamFault(cause: unknown): UpstreamFault {
  for (let at: unknown = cause; at instanceof Error; at = at.cause) {
    if (at instanceof OutgoingRefused) return { detail: at.message, fix: at.fix }
    if (at instanceof ResponseBodyError || at instanceof AuthorizationResponseError) return answered(at)
    if (at instanceof WWWAuthenticateChallengeError) return challenged(at)
    const named = namedOtherwise(at)
    if (named !== undefined) return callsItself(named)
    const claim = claimOf(at)
    if (claim !== undefined) return claimFault(claim, at)
  }
  const code = cause instanceof ClientError && cause.code !== undefined ? ` (${cause.code})` : ''
  const detail = cause instanceof Error ? `${deepestMessage(cause)}${code}` : 'something went wrong'
  return {
    detail: `the identity provider answered with something unexpected: ${shown(detail)}`,
    fix: 'check the issuer, and that it is an OpenID provider',
  }
}

/** OpenID Connect Discovery §4.3: the issuer of the document is the one that was asked, letter by letter. */
export function callsItself(issuer: string): UpstreamFault {
  return {
    detail: `the identity provider calls itself ${shown(issuer)}`,
    fix: 'give that as the issuer, letter by letter, if it is the right one',
  }
}

const OtherIssuer = z.object({ attribute: z.literal('issuer'), body: z.object({ issuer: z.string() }) })

/** What the library says of a discovery document of another issuer. */
function namedOtherwise({ cause }: Error): string | undefined {
  return OtherIssuer.safeParse(cause).data?.body.issuer
}

/** What RFC 6749 calls a refusal. */
interface Refusal {
  readonly error?: string | undefined
  readonly error_description?: string | undefined
}

/** RFC 6749 §5.2: a client that tried HTTP authentication is answered in that header, by many without a reason. */
function challenged({ cause: [challenge] }: WWWAuthenticateChallengeError): UpstreamFault {
  const { detail, fix } = answered(challenge?.parameters ?? {})
  const isOfClient = challenge?.scheme.toLowerCase() === 'basic' && challenge.parameters.error === undefined
  return { detail, fix: isOfClient ? `${fixOf['invalid_client']}` : fix }
}

function answered({ error = 'no reason', error_description }: Refusal): UpstreamFault {
  const description = error_description === undefined ? '' : `: ${shown(error_description)}`
  return {
    detail: `the identity provider refused with ${shown(error)}${description}`,
    fix:
      (Object.hasOwn(fixOf, error) ? fixOf[error] : undefined) ??
      'look into the log of the identity provider',
  }
}

function claimOf({ cause }: Error): string | undefined {
  const claim = typeof cause === 'object' && cause !== null && 'claim' in cause ? cause.claim : undefined
  return typeof claim === 'string' ? claim : undefined
}

const timeClaims: readonly string[] = ['exp', 'iat', 'nbf', 'auth_time']

function claimFault(claim: string, { message }: Error): UpstreamFault {
  return {
    detail: `the ID token has a claim ${claim} that it may not have: ${shown(message)}`,
    fix: timeClaims.includes(claim)
      ? 'begin the sign-in anew; if it stays so, compare the clocks of both servers'
      : 'check the issuer and the client id of the connection',
  }
}

function deepestMessage(error: Error): string {
  const messages = [error.message]
  for (let at = error.cause; at instanceof Error; at = at.cause) messages.push(at.message)
  return messages.at(-1) ?? ''
}

/** Texts of strangers: on one line, and short. */
function shown(text: string): string {
  return text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, textMax)
}
