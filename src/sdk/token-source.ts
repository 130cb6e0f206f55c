import type { MonotonicClock, Random } from '../clock.ts'
import { backOffMs, fraction, pauseForCaller } from './back-off.ts'
import { secureAddress } from './secure-address.ts'
import { TokenError } from './token-error.ts'
import { type Fetch, requestToken } from './token-request.ts'

export interface TokenSourceOptions {
  /** The token endpoint; several are tried in turn when one cannot be reached. */
  readonly tokenEndpoint?: string | readonly string[]
  /** In its place: the origin of the Latchkey server, or several, and the service's slug. */
  readonly latchkey?: string | readonly string[]
  readonly service?: string
  /** `lk_…`. A function is asked before each request, so that a rotated key is taken up without a restart. */
  readonly key: string | (() => string)
  /** Default: the id within the key. */
  readonly clientId?: string
  /** Narrows the key's role; default: all that it has. */
  readonly scope?: string
  /** RFC 8707. */
  readonly resource?: string
  /** Lets the key go over plain HTTP to another machine than this one. */
  readonly sendKeyOverPlainHttp?: true
}

export interface TokenMachine {
  readonly monotonic: MonotonicClock
  readonly random: Random
  readonly fetch: Fetch
}

export interface TokenSource {
  /**
   * A token that is valid now. One request at a time, however many callers wait; past four fifths of a token's life
   * the next one is fetched while the old one is still served.
   * @throws {TokenError} when there is none to be had. After a failure no request is sent before the back-off ends.
   */
  token(): Promise<string>
  /** The server refused this token: it is not handed out again. */
  drop(token: string): void
  close(): void
}

interface Held {
  readonly token: string
  readonly refreshAt: number
  readonly endsAt: number
}

interface Failure {
  readonly error: TokenError
  readonly key: string
  readonly retryAt: number
}

const attemptsMax = 3
const firstWaitMs = 200
const waitMsMax = 30_000
/** A longer wait is the caller's to decide about. */
const waitInCallMsMax = 2_000
/** A token this close to its end may end on its way. */
const reserveMs = 5_000

/** @throws {TypeError} for options that cannot work, without the key in the message */
export function tokenSource(options: TokenSourceOptions, machine: TokenMachine): TokenSource {
  const endpoints = endpointsOf(options)
  const closing = new AbortController()
  const keyNow = typeof options.key === 'string' ? () => options.key as string : options.key
  clientIdOf(options, keyNow())
  let held: Held | undefined
  let failure: Failure | undefined
  let failures = 0
  let endpoint = 0
  let flight: Promise<string> | undefined

  async function attempt(key: string): Promise<string> {
    const startedAt = machine.monotonic()
    const issued = await requestToken(machine.fetch, {
      endpoint: endpoints[endpoint % endpoints.length] ?? '',
      clientId: clientIdOf(options, key),
      secret: key,
      scope: options.scope,
      resource: options.resource,
      signal: closing.signal,
    })
    const lifeMs = issued.expiresInSeconds * 1000
    const share = 0.75 + fraction(machine.random) / 10
    held = {
      token: issued.token,
      refreshAt: startedAt + lifeMs * share,
      endsAt: startedAt + lifeMs - Math.min(reserveMs, lifeMs / 10),
    }
    failure = undefined
    failures = 0
    return issued.token
  }

  /** Notes the failure; answers how long to wait before the next try, or `undefined` if the caller is to be told. */
  function failed(error: TokenError, key: string, attempts: number): number | undefined {
    if (error.code === 'unreachable' || error.code === 'unexpected_answer') endpoint++
    const askedMs = (error.retryAfterSeconds ?? 0) * 1000
    const waitMs = Math.max(askedMs, backOffMs(failures, firstWaitMs, waitMsMax, machine.random))
    failures++
    failure = { error, key, retryAt: machine.monotonic() + waitMs }
    if (error.isFinal || attempts >= attemptsMax || waitMs > waitInCallMsMax) return undefined
    return closing.signal.aborted ? undefined : waitMs
  }

  async function acquire(): Promise<string> {
    for (let attempts = 1; ; attempts++) {
      const key = keyNow()
      try {
        return await attempt(key)
      } catch (error) {
        if (!(error instanceof TokenError)) throw error
        const waitMs = failed(error, key, attempts)
        if (waitMs === undefined) throw error
        await pauseForCaller(waitMs, closing.signal)
      }
    }
  }

  function singleFlight(): Promise<string> {
    flight ??= acquire().finally(() => {
      flight = undefined
    })
    return flight
  }

  /** What the last failure forbids: a refused key for good, anything else until the back-off ends. */
  function barred(): TokenError | undefined {
    if (failure === undefined || flight !== undefined) return undefined
    if (failure.error.isFinal) return failure.key === keyNow() ? failure.error : undefined
    return machine.monotonic() < failure.retryAt ? failure.error : undefined
  }

  return {
    token: async () => {
      if (closing.signal.aborted)
        throw new TokenError('the token source is closed', { code: 'closed', isFinal: true })
      const now = machine.monotonic()
      const error = barred()
      if (held !== undefined && now < held.endsAt) {
        // The failure is kept for when the held token ends; until then nobody needs to hear of it.
        if (now >= held.refreshAt && error === undefined) singleFlight().catch(() => {})
        return held.token
      }
      if (error !== undefined) throw error
      return singleFlight()
    },
    drop: (token) => {
      if (held?.token === token) held = undefined
    },
    close: () => closing.abort(),
  }
}

function endpointsOf(options: TokenSourceOptions): readonly string[] {
  const { tokenEndpoint, latchkey, service, sendKeyOverPlainHttp } = options
  const isPlainAllowed = sendKeyOverPlainHttp === true
  if (tokenEndpoint !== undefined)
    return listOf(tokenEndpoint).map((one) => secureAddress(one, isPlainAllowed))
  if (latchkey === undefined || service === undefined)
    throw new TypeError('a token source needs `tokenEndpoint`, or `latchkey` and `service`')
  return listOf(latchkey).map((origin) => `${secureAddress(origin, isPlainAllowed)}/${service}/oauth/token`)
}

export function listOf(value: string | readonly string[]): readonly string[] {
  const list = typeof value === 'string' ? [value] : value
  if (list.length === 0) throw new TypeError('at least one server address is needed')
  return list
}

const keyPattern = /^lk_(?:live|test)_([0-9a-z]{26})_[0-9A-Za-z]+$/

function clientIdOf({ clientId }: TokenSourceOptions, key: string): string {
  if (clientId !== undefined) return clientId
  const id = keyPattern.exec(key)?.[1]
  if (id === undefined)
    throw new TypeError('`key` is not a Latchkey key (`lk_live_…`), and there is no `clientId`')
  return `key_${id}`
}
