import { pauseForCaller } from './back-off.ts'
import { endpointFor, type SignIn } from './sign-in.ts'
import { TokenError } from './token-error.ts'
import { type IssuedToken, requestJson, requestToken } from './token-request.ts'

interface DeviceCode {
  readonly code: string
  readonly userCode: string
  readonly url: string
  readonly completeUrl: string | undefined
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
}

const grantType = 'urn:ietf:params:oauth:grant-type:device_code'
const intervalSecondsDefault = 5
const slowDownSeconds = 5

/**
 * Signs a person in who opens a browser elsewhere and enters a code there (RFC 8628).
 * @throws {TokenError} `expired_token`, `access_denied`, `closed`, or as a token request does
 */
export async function signInByDevice(signIn: SignIn): Promise<IssuedToken> {
  const { metadata, show } = signIn
  const endpoint = endpointFor(metadata.deviceAuthorizationEndpoint, metadata.issuer, 'device authorization')
  const { code, userCode, url, completeUrl, expiresInSeconds, intervalSeconds } = await deviceCode(
    signIn,
    endpoint,
  )
  const asked = { kind: 'device', url, userCode, expiresInSeconds } as const
  await show(completeUrl === undefined ? asked : { ...asked, completeUrl })
  return await poll(signIn, code, intervalSeconds, Math.min(expiresInSeconds, signIn.waitSecondsMax))
}

async function deviceCode(signIn: SignIn, endpoint: string): Promise<DeviceCode> {
  const { fetch, clientId, scope, resource, parameters, signal } = signIn
  const form = { ...parameters, scope, resource }
  const answer = await requestJson(fetch, { endpoint, clientId, form, signal })
  const code = answer['device_code']
  const userCode = answer['user_code']
  const url = webAddress(answer['verification_uri'])
  const { expires_in: expiresInSeconds, interval = intervalSecondsDefault } = answer
  if (
    typeof code !== 'string' ||
    typeof userCode !== 'string' ||
    url === undefined ||
    typeof expiresInSeconds !== 'number' ||
    typeof interval !== 'number'
  )
    throw new TokenError(`${endpoint} answered without a device code`, { code: 'unexpected_answer' })
  const completeUrl = webAddress(answer['verification_uri_complete'])
  return { code, userCode, url, completeUrl, expiresInSeconds, intervalSeconds: Math.max(1, interval) }
}

/** What a person is told to open is a page, whatever the answer says. */
function webAddress(value: unknown): string | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : undefined
}

/** RFC 8628 §3.5: never faster than told, and slower when told or when nothing answers. */
async function poll(
  signIn: SignIn,
  code: string,
  firstIntervalSeconds: number,
  lifeSeconds: number,
): Promise<IssuedToken> {
  const { fetch, metadata, clientId, signal } = signIn
  let intervalSeconds = firstIntervalSeconds
  let waitedSeconds = 0
  for (;;) {
    waitedSeconds += intervalSeconds
    if (waitedSeconds > lifeSeconds)
      throw new TokenError('nobody has signed in before the code expired', {
        code: 'expired_token',
        isFinal: true,
      })
    await pauseForCaller(intervalSeconds * 1000, signal)
    if (signal.aborted) throw new TokenError('the token source is closed', { code: 'closed', isFinal: true })
    try {
      return await requestToken(fetch, {
        endpoint: metadata.tokenEndpoint,
        clientId,
        form: { grant_type: grantType, device_code: code },
        signal,
      })
    } catch (error) {
      intervalSeconds = nextInterval(error, intervalSeconds)
    }
  }
}

function nextInterval(error: unknown, intervalSeconds: number): number {
  const code = error instanceof TokenError ? error.code : undefined
  if (code === 'authorization_pending') return intervalSeconds
  if (code === 'slow_down' || code === 'rate_limited') return intervalSeconds + slowDownSeconds
  if (code === 'unreachable') return intervalSeconds * 2
  throw error
}
