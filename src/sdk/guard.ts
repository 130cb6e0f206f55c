import { Checker, type GuardMachine } from './checker.ts'
import type { Gate, GuardAnswer, GuardRequest } from './guard-answer.ts'
import type { GuardSource, GuardState } from './guard-source.ts'
import { type ExpressMiddleware, expressMiddleware } from './middleware-express.ts'
import { type FetchHandler, fetchMiddleware, type GuardedFetch } from './middleware-fetch.ts'
import { type KoaMiddleware, koaMiddleware } from './middleware-koa.ts'
import type { VerificationAlgorithm } from './verify-token.ts'

export interface GuardOptions {
  /** Which signature algorithms count. Default `['ES256']`. */
  readonly algorithms?: readonly VerificationAlgorithm[]
  /** Pins what `iss` must be; else the bundle says it. */
  readonly issuer?: string
  /** Pins what `aud` must name; else the bundle says it. */
  readonly audience?: string
  /** Tolerance for `exp`, `nbf` and `iat`. Default 30. */
  readonly clockSkewSecondsMax?: number
  /** Lets tokens of test keys (`env: test`) in. Default false. */
  readonly acceptTestKeys?: boolean
  /** How many proxies of one's own stand in front, each adding an entry to `X-Forwarded-For`. Default 0. */
  readonly trustedProxies?: number
  /** Longer tokens are refused unread. Default 8,192 characters. */
  readonly tokenLengthMax?: number
  /** So many verified tokens are kept. Default 10,000. */
  readonly verifiedTokensMax?: number
}

/** Stands before an API: who calls, and may they? */
export interface Guard extends Gate {
  /** `check` at once, if the token was verified before and the facts are at hand; else `undefined`. */
  checkNow(request: GuardRequest): GuardAnswer | undefined
  /** Puts the `Admission` on `ctx.state.latchkey`. */
  koa(): KoaMiddleware
  /** Puts the `Admission` on `req.latchkey`. */
  express(): ExpressMiddleware
  /** Hands the `Admission` to the handler as its second argument. */
  fetch(handler: FetchHandler): GuardedFetch
  /** Resolves when the guard can decide. */
  ready(): Promise<void>
  state(): GuardState
  close(): void
}

/**
 * A guard over any source; a server gives one of its own process (`inProcessSource`).
 * @throws {TypeError} if an algorithm is not one that only the issuer can sign with
 */
export function guardFrom(source: GuardSource, options: GuardOptions, machine: GuardMachine): Guard {
  const { issuer, audience } = options
  const rules = {
    algorithms: options.algorithms ?? ['ES256' as const],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
    clockSkewSecondsMax: options.clockSkewSecondsMax ?? 30,
    acceptTestKeys: options.acceptTestKeys ?? false,
    trustedProxies: options.trustedProxies ?? 0,
    tokenLengthMax: options.tokenLengthMax ?? 8_192,
    verifiedTokensMax: options.verifiedTokensMax ?? 10_000,
  }
  const checker = new Checker(source, rules, machine)
  return {
    check: (request) => checker.check(request),
    checkNow: (request) => checker.checkNow(request),
    isPreflight: (request) => checker.isPreflight(request),
    koa: () => koaMiddleware(checker),
    express: () => expressMiddleware(checker),
    fetch: (handler) => fetchMiddleware(checker, handler),
    ready: () => source.ready(),
    state: () => source.state(),
    close: () => source.close(),
  }
}
