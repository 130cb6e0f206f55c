import type { MonotonicClock, Random } from '../clock.ts'
import { backOffMs, fraction, pauseForCaller } from './back-off.ts'
import { TokenError } from './token-error.ts'
import type { Fetch, IssuedToken } from './token-request.ts'

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

export interface AcquiredToken extends IssuedToken {
  /** When its life began at the latest, where that was long after it was asked for. */
  readonly startedAt?: number
}

/** Where a held token comes from. */
export interface TokenOrigin {
  /** @throws {TokenError} */
  acquire(signal: AbortSignal): Promise<AcquiredToken>
  /** What a final failure is a failure of: while it is the same, nothing is asked again. */
  credential(): string
  /** The failure may be one of the address that was asked. */
  failed(error: TokenError): void
}

interface Held {
  readonly token: string
  readonly refreshAt: number
  readonly endsAt: number
}

interface Failure {
  readonly error: TokenError
  readonly credential: string
  readonly retryAt: number
}

const attemptsMax = 3
const firstWaitMs = 200
const waitMsMax = 30_000
/** A longer wait is the caller's to decide about. */
const waitInCallMsMax = 2_000
/** A token this close to its end may end on its way. */
const reserveMs = 5_000

/** One access token at hand, fetched anew before it ends, and what went wrong when there is none. */
export class HeldToken implements TokenSource {
  readonly #origin: TokenOrigin
  readonly #machine: TokenMachine
  readonly #closing = new AbortController()
  #held: Held | undefined
  #failure: Failure | undefined
  #failures = 0
  #flight: Promise<string> | undefined

  constructor(origin: TokenOrigin, machine: TokenMachine) {
    this.#origin = origin
    this.#machine = machine
  }

  async token(): Promise<string> {
    this.#refuseClosed()
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

  get signal(): AbortSignal {
    return this.#closing.signal
  }

  /** Takes a token, and forgets what had failed. */
  keep({ token, expiresInSeconds, startedAt = this.#machine.monotonic() }: AcquiredToken): void {
    const lifeMs = expiresInSeconds * 1000
    const share = 0.75 + fraction(this.#machine.random) / 10
    const endsAt = startedAt + lifeMs - Math.min(reserveMs, lifeMs / 10)
    this.#held = { token, refreshAt: startedAt + lifeMs * share, endsAt }
    this.#failure = undefined
    this.#failures = 0
  }

  /** Holds nothing any more. */
  forget(): void {
    this.#held = undefined
    this.#failure = undefined
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted)
      throw new TokenError('the token source is closed', { code: 'closed', isFinal: true })
  }

  /** What the last failure forbids: a refused credential for good, anything else until the back-off ends. */
  #barred(): TokenError | undefined {
    if (this.#failure === undefined || this.#flight !== undefined) return undefined
    const { error, credential, retryAt } = this.#failure
    if (error.isFinal) return credential === this.#origin.credential() ? error : undefined
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
      const credential = this.#origin.credential()
      const startedAt = this.#machine.monotonic()
      try {
        const issued = await this.#origin.acquire(this.#closing.signal)
        this.keep({ startedAt, ...issued })
        return issued.token
      } catch (error) {
        if (!(error instanceof TokenError)) throw error
        const waitMs = this.#failed(error, credential, attempts)
        if (waitMs === undefined) throw error
        await pauseForCaller(waitMs, this.#closing.signal)
      }
    }
  }

  /** Notes the failure; answers how long to wait before the next try, or `undefined` if the caller is to be told. */
  #failed(error: TokenError, credential: string, attempts: number): number | undefined {
    const { monotonic, random } = this.#machine
    this.#origin.failed(error)
    const askedMs = (error.retryAfterSeconds ?? 0) * 1000
    const waitMs = Math.max(askedMs, backOffMs(this.#failures, firstWaitMs, waitMsMax, random))
    this.#failures++
    this.#failure = { error, credential, retryAt: monotonic() + waitMs }
    if (error.isFinal || attempts >= attemptsMax || waitMs > waitInCallMsMax) return undefined
    return this.#closing.signal.aborted ? undefined : waitMs
  }
}
