import { TokenError } from './token-error.ts'

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** One request to an endpoint of an issuer that takes a form: for tokens, device codes, revocation. */
export interface FormRequest {
  readonly endpoint: string
  readonly clientId: string
  /** Absent: a public client, which only names itself (RFC 6749 §2.3.1). */
  readonly secret?: string | undefined
  /** What is `undefined` is left out. */
  readonly form: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

export interface IssuedToken {
  readonly token: string
  readonly expiresInSeconds: number
  readonly refreshToken?: string
}

type Json = Readonly<Record<string, unknown>>

const timeoutMs = 10_000
/** Another answer than these can get better without a new key, scope or sign-in. */
const finalCodes = [
  'access_denied',
  'expired_token',
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
]

/**
 * Asks for a token once (RFC 6749 §3.2).
 * @throws {TokenError} with nothing of the secret, or of what was exchanged, in it
 */
export async function requestToken(fetch: Fetch, request: FormRequest): Promise<IssuedToken> {
  return issued(await requestJson(fetch, request), request.endpoint)
}

/** @throws {TokenError} as above */
export async function requestJson(fetch: Fetch, request: FormRequest): Promise<Json> {
  const { endpoint, signal } = request
  const response = await send(fetch, request, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
  const body = await bodyOf(response)
  if (response.ok) return body
  const { error, error_description: description } = body
  const code =
    response.status === 429 ? 'rate_limited' : typeof error === 'string' ? error : 'unexpected_answer'
  const told = typeof description === 'string' ? `: ${description}` : ''
  const message = `${endpoint} answered ${response.status} ${code} to ${request.clientId}${told}`
  const retryAfterSeconds = retryAfterOf(response)
  throw new TokenError(withoutSecrets(message, request), {
    code,
    isFinal: response.status < 500 && finalCodes.includes(code),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

const secretFields = ['code', 'code_verifier', 'device_code', 'refresh_token', 'subject_token', 'token']

function withoutSecrets(message: string, { secret, form }: FormRequest): string {
  const secrets = [secret, ...secretFields.map((name) => form[name])]
  return secrets.reduce<string>(
    (text, one) => (one === undefined || one === '' ? text : text.replaceAll(one, '[secret]')),
    message,
  )
}

async function send(fetch: Fetch, request: FormRequest, signal: AbortSignal): Promise<Response> {
  const { endpoint, clientId, secret, form } = request
  const given = Object.entries(form).filter((one): one is [string, string] => one[1] !== undefined)
  const own: [string, string][] = secret === undefined ? [['client_id', clientId]] : []
  const basic = `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(secret ?? '')}`)}`
  try {
    return await fetch(endpoint, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        ...(secret === undefined ? {} : { authorization: basic }),
      },
      body: new URLSearchParams([...given, ...own]).toString(),
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

async function bodyOf(response: Response): Promise<Json> {
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? { ...body } : {}
  } catch {
    // What is not JSON is not an OAuth answer; the status then says all there is.
    return {}
  }
}

function issued(body: Json, endpoint: string): IssuedToken {
  const { access_token: token, expires_in: expiresIn, token_type: type, refresh_token: refreshToken } = body
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer'
  if (typeof token !== 'string' || typeof expiresIn !== 'number' || !(expiresIn > 0) || !isBearer)
    throw new TokenError(`${endpoint} answered without a bearer token and its life`, {
      code: 'unexpected_answer',
    })
  return {
    token,
    expiresInSeconds: expiresIn,
    ...(typeof refreshToken === 'string' ? { refreshToken } : {}),
  }
}

/** RFC 9110 §10.2.3; the form with a date needs an agreed clock and is taken for a minute. */
export function retryAfterOf(response: Response): number | undefined {
  const value = response.headers.get('retry-after')
  if (value === null) return undefined
  return /^\d{1,6}$/.test(value) ? Number(value) : 60
}
