import { secureAddress } from './secure-address.ts'
import { TokenError } from './token-error.ts'
import type { Fetch } from './token-request.ts'

/** What an issuer says of itself (RFC 8414 §2), as far as a client that signs people in needs it. */
export interface IssuerMetadata {
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly authorizationEndpoint: string | undefined
  readonly deviceAuthorizationEndpoint: string | undefined
  readonly revocationEndpoint: string | undefined
  /** RFC 9207 §3: its authorization responses name it, always. */
  readonly namesItself: boolean
}

const timeoutMs = 10_000

/**
 * Asks an issuer for its metadata, at the address of RFC 8414 §3.1, else at that of OpenID Connect Discovery §4.
 * @throws {TokenError} `unreachable`, `unexpected_answer`: an issuer that is another than was asked for, too
 */
export async function fetchIssuerMetadata(
  fetch: Fetch,
  issuer: string,
  isPlainAllowed: boolean,
  signal: AbortSignal,
): Promise<IssuerMetadata> {
  const { origin, pathname } = new URL(issuer)
  const addresses = [
    `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`,
    `${issuer}/.well-known/openid-configuration`,
  ]
  for (const address of addresses) {
    const said = await metadataAt(fetch, address, signal)
    if (said !== undefined) return readMetadata(said, issuer, isPlainAllowed)
  }
  throw unexpected(`${issuer} has no metadata`)
}

async function metadataAt(
  fetch: Fetch,
  address: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  let response: Response
  try {
    response = await fetch(address, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: within,
    })
  } catch (cause) {
    throw new TokenError(`${address} could not be reached`, { code: 'unreachable', cause })
  }
  if (response.status === 404) return undefined
  const body: unknown = response.ok ? await response.json().catch(() => undefined) : undefined
  if (typeof body !== 'object' || body === null)
    throw unexpected(`${address} answered ${response.status} without metadata`)
  return { ...body }
}

function readMetadata(
  said: Readonly<Record<string, unknown>>,
  issuer: string,
  isPlainAllowed: boolean,
): IssuerMetadata {
  // RFC 8414 §3.3: the very same, or it speaks for somebody else.
  if (said['issuer'] !== issuer)
    throw unexpected(`${issuer} says that it is ${JSON.stringify(said['issuer'])}: use that address`)
  const endpoint = (name: string): string | undefined => {
    const value = said[name]
    return typeof value === 'string' ? secureAddress(value, isPlainAllowed) : undefined
  }
  const tokenEndpoint = endpoint('token_endpoint')
  if (tokenEndpoint === undefined) throw unexpected(`${issuer} names no token endpoint`)
  return {
    issuer,
    tokenEndpoint,
    authorizationEndpoint: endpoint('authorization_endpoint'),
    deviceAuthorizationEndpoint: endpoint('device_authorization_endpoint'),
    revocationEndpoint: endpoint('revocation_endpoint'),
    namesItself: said['authorization_response_iss_parameter_supported'] === true,
  }
}

function unexpected(message: string): TokenError {
  return new TokenError(message, { code: 'unexpected_answer' })
}
