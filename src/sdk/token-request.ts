import { TokenError } from './token-error.ts'

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

export interface TokenRequest {
  readonly endpoint: string
  readonly clientId: string
  readonly secret: string
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly signal: AbortSignal
}

export interface IssuedToken {
  readonly token: string
  readonly expiresInSeconds: number
}

const timeoutMs = 10_000
/** Another answer than these can get better without a new key or scope. */
const finalCodes = [
  'invalid_client',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'invalid_request',
]

/**
 * Asks for a token once, by client credentials (RFC 6749 §4.4).
 * @throws {TokenError} with nothing of the secret in it
 */
export async function requestToken(fetch: Fetch, request: TokenRequest): Promise<IssuedToken> {
  const { endpoint, signal } = request
  const response = await send(fetch, request, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
  const body = await bodyOf(response)
  if (response.ok) return issued(body, endpoint)
  const { error, error_description: description } = body
  const code =
    response.status === 429 ? 'rate_limited' : typeof error === 'string' ? error : 'unexpected_answer'
  const told = typeof description === 'string' ? `: ${description}` : ''
  const message = `${endpoint} answered ${response.status} ${code} to ${request.clientId}${told}`
  const retryAfterSeconds = retryAfterOf(response)
  throw new TokenError(message.replaceAll(request.secret, '[secret]'), {
    code,
    isFinal: response.status < 500 && finalCodes.includes(code),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

async function send(fetch: Fetch, request: TokenRequest, signal: AbortSignal): Promise<Response> {
  const { endpoint, clientId, secret, scope, resource } = request
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope !== undefined) form.set('scope', scope)
  if (resource !== undefined) form.set('resource', resource)
  try {
    return await fetch(endpoint, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        authorization: `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(secret)}`)}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: form.toString(),
      // A redirect would carry the secret to wherever it points.
      redirect: 'error',
      signal,
    })
  } catch (cause) {
    throw new TokenError(`${endpoint} could not be reached`, { code: 'unreachable', cause })
  }
}

/** RFC 6749 §2.3.1: both are form-encoded before they are joined. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

async function bodyOf(response: Response): Promise<Readonly<Record<string, unknown>>> {
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? { ...body } : {}
  } catch {
    // What is not JSON is not an OAuth answer; the status then says all there is.
    return {}
  }
}

function issued(body: Readonly<Record<string, unknown>>, endpoint: string): IssuedToken {
  const { access_token: token, expires_in: expiresIn, token_type: type } = body
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer'
  if (typeof token !== 'string' || typeof expiresIn !== 'number' || !(expiresIn > 0) || !isBearer)
    throw new TokenError(`${endpoint} answered without a bearer token and its life`, {
      code: 'unexpected_answer',
    })
  return { token, expiresInSeconds: expiresIn }
}

/** RFC 9110 §10.2.3; the form with a date needs an agreed clock and is taken for a minute. */
export function retryAfterOf(response: Response): number | undefined {
  const value = response.headers.get('retry-after')
  if (value === null) return undefined
  return /^\d{1,6}$/.test(value) ? Number(value) : 60
}
