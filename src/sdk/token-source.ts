import type { MonotonicClock, Random } from '../clock.ts'
import { backOffMs, fraction, pauseForCaller } from './back-off.ts'
import { listOf } from './list-of.ts'
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
  return new KeyExchange(options, machine)
}

class KeyExchange implements TokenSource {
  readonly #options: TokenSourceOptions
  readonly #machine: TokenMachine
  readonly #endpoints: readonly string[]
  readonly #keyNow: () => string
  readonly #closing = new AbortController()
  #held: Held | undefined
  #failure: Failure | undefined
  #failures = 0
  /** Which of the endpoints is asked: it goes round. */
  #turn = 0
  #flight: Promise<string> | undefined

  constructor(options: TokenSourceOptions, machine: TokenMachine) {
    this.#options = options
    this.#machine = machine
    this.#endpoints = endpointsOf(options)
    this.#keyNow = keyFrom(options.key)
    // Refuses a key that names no client now, not at the first call.
    clientIdOf(options, this.#keyNow())
  }

  async token(): Promise<string> {
    if (this.#closing.signal.aborted)
      throw new TokenError('the token source is closed', { code: 'closed', isFinal: true })
    const now = this.#machine.monotonic()
    const error = this.#barred()
    if (this.#held !== undefined && now < this.#held.endsAt) {
      // The failure is kept for when the held token ends; until then nobody needs to hear of it.
      if (now >= this.#held.refreshAt && error === undefined) this.#singleFlight().catch(() => {})
      return this.#held.token
    }
    if (error !== undefined) throw error
    return await this.#singleFlight()
  }

  drop(token: string): void {
    if (this.#held?.token === token) this.#held = undefined
  }

  close(): void {
    this.#closing.abort()
  }

  /** What the last failure forbids: a refused key for good, anything else until the back-off ends. */
  #barred(): TokenError | undefined {
    if (this.#failure === undefined || this.#flight !== undefined) return undefined
    const { error, key, retryAt } = this.#failure
    if (error.isFinal) return key === this.#keyNow() ? error : undefined
    return this.#machine.monotonic() < retryAt ? error : undefined
  }

  #singleFlight(): Promise<string> {
    this.#flight ??= this.#acquire().finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  async #acquire(): Promise<string> {
    for (let attempts = 1; ; attempts++) {
      const key = this.#keyNow()
      try {
        return await this.#attempt(key)
      } catch (error) {
        if (!(error instanceof TokenError)) throw error
        const waitMs = this.#failed(error, key, attempts)
        if (waitMs === undefined) throw error
        await pauseForCaller(waitMs, this.#closing.signal)
      }
    }
  }

  async #attempt(key: string): Promise<string> {
    const { monotonic, random, fetch } = this.#machine
    const { scope, resource } = this.#options
    const startedAt = monotonic()
    const { token, expiresInSeconds } = await requestToken(fetch, {
      endpoint: this.#endpoints[this.#turn % this.#endpoints.length] ?? '',
      clientId: clientIdOf(this.#options, key),
      secret: key,
      scope,
      resource,
      signal: this.#closing.signal,
    })
    const lifeMs = expiresInSeconds * 1000
    const share = 0.75 + fraction(random) / 10
    const endsAt = startedAt + lifeMs - Math.min(reserveMs, lifeMs / 10)
    this.#held = { token, refreshAt: startedAt + lifeMs * share, endsAt }
    this.#failure = undefined
    this.#failures = 0
    return token
  }

  /** Notes the failure; answers how long to wait before the next try, or `undefined` if the caller is to be told. */
  #failed(error: TokenError, key: string, attempts: number): number | undefined {
    const { monotonic, random } = this.#machine
    if (error.code === 'unreachable' || error.code === 'unexpected_answer') this.#turn++
    const askedMs = (error.retryAfterSeconds ?? 0) * 1000
    const waitMs = Math.max(askedMs, backOffMs(this.#failures, firstWaitMs, waitMsMax, random))
    this.#failures++
    this.#failure = { error, key, retryAt: monotonic() + waitMs }
    if (error.isFinal || attempts >= attemptsMax || waitMs > waitInCallMsMax) return undefined
    return this.#closing.signal.aborted ? undefined : waitMs
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

/** @throws {TypeError} where an environment variable was not set, say: the type does not hold at run time */
function keyFrom(key: TokenSourceOptions['key'] | undefined): () => string {
  if (typeof key === 'function') return key
  if (typeof key === 'string' && key !== '') return () => key
  throw new TypeError('key is missing: give the client secret (lk_…), or a function that answers it')
}

const keyPattern = /^lk_(?:live|test)_([0-9a-z]{26})_[0-9A-Za-z]+$/

function clientIdOf({ clientId }: TokenSourceOptions, key: string): string {
  if (clientId !== undefined) return clientId
  const id = keyPattern.exec(key)?.[1]
  if (id === undefined)
    throw new TypeError('`key` is not a Latchkey key (`lk_live_…`), and there is no `clientId`')
  return `key_${id}`
}
