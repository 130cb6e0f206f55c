import { createTokenSource } from '../sdk/index.ts'
import { TokenError } from '../sdk/token-error.ts'
import type { Credential } from './client-credential.ts'
import { Failure } from './failure.ts'
import { unreachable } from './management-api.ts'

export interface TokenAsked {
  readonly endpoint: string
  /** Narrows the key's role, or the assumed one. */
  readonly scope: string | undefined
  /** The id of an assumption, whose role it is then. */
  readonly assumption: string | undefined
  readonly sendKeyOverPlainHttp: true | undefined
}

/** Exchanges a client key for an access token. @throws {Failure} */
export async function fetchAccessToken(
  { clientId, clientSecret }: Credential,
  { endpoint, scope, assumption, sendKeyOverPlainHttp }: TokenAsked,
): Promise<string> {
  let source: ReturnType<typeof createTokenSource> | undefined
  try {
    source = createTokenSource({
      ...{ tokenEndpoint: endpoint, key: clientSecret, clientId },
      ...(scope === undefined ? {} : { scope }),
      ...(assumption === undefined ? {} : { assumption }),
      ...(sendKeyOverPlainHttp === undefined ? {} : { sendKeyOverPlainHttp }),
    })
    return await source.token()
  } catch (error) {
    throw failureFrom(error, endpoint)
  } finally {
    source?.close()
  }
}

/** What went wrong on the way to a token, in the command's words. */
export function failureFrom(error: unknown, endpoint: string): unknown {
  if (error instanceof TokenError) {
    if (error.code === 'unreachable') return unreachable(new URL(endpoint).origin, error)
    return new Failure(error.message, { exitCode: 1, fix: fixFor(error.code), cause: error })
  }
  // How the SDK refuses an address that would carry the key in clear.
  if (error instanceof TypeError)
    return new Failure(error.message, {
      exitCode: 2,
      fix: 'use https, or --send-key-over-plain-http if nobody else is on that network',
      cause: error,
    })
  return error
}

function fixFor(code: string): string {
  switch (code) {
    case 'invalid_client':
      return 'the key may be revoked, disabled, expired, rotated out, or of another server or service: check --key-file and --server; if you have signed in, the operator may have disabled that'
    case 'sign_in_needed':
      return 'sign in with `latchkey login`, or give a key with --key-file'
    case 'access_denied':
    case 'expired_token':
    case 'sign_in_timeout':
      return 'try `latchkey login` again'
    case 'unsupported':
      return 'the server may be older than this command'
    case 'invalid_scope':
      return 'ask only for scopes within the role of the key'
    case 'invalid_target':
      return 'the other organization may have taken it back, or named others: `latchkey assumptions list --received`'
    case 'rate_limited':
      return 'wait a moment, and reuse tokens: each is good for minutes'
    case 'unexpected_answer':
      return 'check that --server names Latchkey itself, and look into its log'
    default:
      return 'RFC 6749 §5.2 says what the error means; the server’s log has more'
  }
}
