import { TokenError } from './token-error.ts'
import { type Fetch, type FormRequest, type IssuedToken, requestToken } from './token-request.ts'

const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

interface AssumedRole {
  /** Its id: `asm_…`. */
  readonly assumption: string
  /** Narrows the assumed role. */
  readonly scope: string | undefined
  readonly resource: string | undefined
}

const idPattern = /^asm_[0-9a-z]{26}$/

/** @throws {TypeError} for what is no assumption's id */
export function checkAssumption(id: string): void {
  if (!idPattern.test(id)) throw new TypeError('`assumption` is not the id of an assumption (`asm_…`)')
}

/**
 * A token of a role that another organization lets be taken (RFC 8693): the key gets a token of its own, and exchanges it.
 * @throws {TokenError} as `requestToken`
 */
export async function requestAssumed(
  fetch: Fetch,
  request: Omit<FormRequest, 'form'>,
  { assumption, scope, resource }: AssumedRole,
): Promise<IssuedToken> {
  const own = await requestToken(fetch, { ...request, form: { grant_type: 'client_credentials', resource } })
  const form = {
    ...{ grant_type: tokenExchange, subject_token: own.token, subject_token_type: accessTokenType },
    ...{ assumption, scope, resource },
  }
  try {
    return await requestToken(fetch, { ...request, form })
  } catch (error) {
    throw error instanceof TokenError ? forNow(error) : error
  }
}

const retryAfterSeconds = 5

/** What another organization does not give now, or has taken back, it may give again: no key of ours changes then. */
function forNow(error: TokenError): TokenError {
  const { code, message } = error
  if (code !== 'invalid_target' && code !== 'invalid_request') return error
  return new TokenError(message, { code, retryAfterSeconds, cause: error })
}
