import type { StepUp } from '../evaluator/model.ts'
import { filterJson } from '../evaluator/response/response-filter.ts'
import type { CheckRules, GuardMachine } from './check-rules.ts'
import { Checker } from './checker.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import { DecisionLog } from './decision-log.ts'
import { type DecisionLogSetting, decisionLogRules } from './decision-log-rules.ts'
import type { Admission, Gate, GuardAnswer, GuardRequest } from './guard-answer.ts'
import type { GuardSource, GuardState } from './guard-source.ts'
import { listOf } from './list-of.ts'
import type { Guarding } from './middleware.ts'
import { type ExpressMiddleware, expressMiddleware } from './middleware-express.ts'
import { type FastifyPlugin, fastifyPlugin } from './middleware-fastify.ts'
import { type FetchHandler, fetchMiddleware, type GuardedFetch } from './middleware-fetch.ts'
import { type KoaMiddleware, koaMiddleware } from './middleware-koa.ts'
import { RecordedGate } from './recorded-gate.ts'
import { type BodyLimits, bodyLimitsOf } from './request-body.ts'
import type { ResourceDescription, ResourceMetadata } from './resource-metadata.ts'
import { responseDuty } from './response-duties.ts'
import { type ResponseLimits, responseLimitsOf } from './response-duty.ts'
import type { VerificationAlgorithm } from './verification-algorithms.ts'

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
  /**
   * What stands before the request's target in addresses as clients write them (`https://api.example`, and the path
   * that a proxy of one's own takes off); several if there are several. Never read from the request.
   * Default: the origin of the service's audience.
   */
  readonly publicBase?: string | readonly string[]
  /**
   * How lately and how well a person must have signed in (RFC 9470), beside what the document's `x-latchkey-step-up` says:
   * all that applies must be met. Machines do not sign in, and are not asked.
   */
  readonly stepUp?: {
    readonly everywhere?: StepUp
    /** By `operationId`. */
    readonly operations?: Readonly<Record<string, StepUp>>
  }
  /**
   * Gives the API's metadata (RFC 9728) at `/.well-known/oauth-protected-resource…` of the audience, and names them in
   * challenges, so that a client which knows nothing but the API's address can get a token: an MCP client, say. The
   * middleware must see requests for that address; where it does not, serve what `resourceMetadata()` answers.
   */
  readonly resourceMetadata?: true | ResourceDescription
  /** How a token that is bound to a key is proven to be its holder's (DPoP, RFC 9449). */
  readonly dpop?: DpopOptions
  /**
   * How much of a request's body is read before the API does, where a decision depends on what it holds, and how long is
   * waited for it. Default 1,048,576 bytes and 30 seconds.
   */
  readonly requestBody?: Partial<BodyLimits>
  /**
   * How much of a response is held back where a part of it may not be shown; a longer one is refused. Default 16,777,216
   * bytes.
   */
  readonly heldResponse?: Partial<ResponseLimits>
  /**
   * Which decisions the server is told of, for `latchkey decisions`: `denials`, `all`, or in detail. In the background,
   * from a bounded queue; never a token, query or body. Default `off`.
   */
  readonly decisionLog?: DecisionLogSetting
}

export interface DpopOptions {
  /** Refuses bearer tokens. */
  readonly required?: true
  /** What a proof may be signed with. Default `['ES256', 'PS256', 'EdDSA', 'Ed25519']`. */
  readonly algorithms?: readonly VerificationAlgorithm[]
  /** A proof's `iat` may be so far from now, either way. Default 60. */
  readonly proofAgeSecondsMax?: number
  /**
   * So many proofs are remembered, so that none is taken twice; beyond that the oldest is forgotten early. Each process
   * remembers its own. Default 100,000.
   */
  readonly proofsMax?: number
  /**
   * Demands a nonce of the guard's own in each proof (§9), in place of trust in the client's clock. Processes that
   * answer for one API must share a `secret`.
   */
  readonly nonce?: true | { readonly secret: string }
}

/** Stands before an API: who calls, and may they? */
export interface Guard extends Gate {
  /** `check` at once, if the token was verified before and the facts are at hand; else `undefined`. */
  checkNow(request: GuardRequest): GuardAnswer | undefined
  /** The API's metadata and where they belong; `undefined` while nothing is known, or if the audience is no address. */
  resourceMetadata(): Promise<ResourceMetadata | undefined>
  /**
   * What may be shown of a response, for who filters it without a middleware and has asked with `filtersResponse`. The
   * value is taken as `JSON.stringify` writes it.
   */
  filterResponse(admission: Pick<Admission, 'filter'>, value: unknown): unknown
  /** Puts the `Admission` on `ctx.state.latchkey`. */
  koa(): KoaMiddleware
  /** Puts the `Admission` on `req.latchkey`. */
  express(): ExpressMiddleware
  /** For `register`. Puts the `Admission` on `request.latchkey`. */
  fastify(): FastifyPlugin
  /** Hands the `Admission` to the handler as its second argument. */
  fetch(handler: FetchHandler): GuardedFetch
  /** Resolves when the guard can decide. Rejects where an option names an operation that the service does not have. */
  ready(): Promise<void>
  state(): GuardState
  /** Resolves when the decision log, if there is one, is with the server, or has been given up. */
  close(): Promise<void>
}

/**
 * A guard over any source; a server gives one of its own process (`inProcessSource`).
 * @throws {TypeError} if an algorithm is not one that only the issuer can sign with
 */
export function guardFrom(source: GuardSource, options: GuardOptions, machine: GuardMachine): Guard {
  const rules = rulesOf(options)
  const bodies = bodyLimitsOf(options.requestBody)
  const responses = responseLimitsOf(options.heldResponse)
  const log = logOf(source, options, machine)
  const checker = new Checker(source, rules, machine)
  const gate = log === undefined ? checker : new RecordedGate(checker, log)
  const guarding: Guarding = {
    ...{ gate, bodies, responses },
    dutyOf: (request, admission) => responseDuty(source, request, admission),
  }
  return {
    check: (request) => gate.check(request),
    checkNow: (request) => gate.checkNow(request),
    isPreflight: (request) => checker.isPreflight(request),
    metadataFor: (request) => checker.metadataFor(request),
    resourceMetadata: () => checker.metadata(),
    filterResponse: ({ filter }, value) => (filter === undefined ? value : filterJson(filter, jsonOf(value))),
    koa: () => koaMiddleware(guarding),
    express: () => expressMiddleware(guarding),
    fastify: () => fastifyPlugin(guarding),
    fetch: (handler) => fetchMiddleware(guarding, handler),
    ready: async () => {
      await source.ready()
      const bundle = await source.bundle()
      if (bundle !== undefined) checkNames(rules, bundle)
    },
    state: () => ({ ...source.state(), ...(log === undefined ? {} : { decisionLog: log.state() }) }),
    close: async () => {
      await log?.close()
      source.close()
    },
  }
}

/** @throws {TypeError} for settings that cannot work */
function logOf(
  { deliver }: GuardSource,
  { decisionLog = 'off' }: GuardOptions,
  machine: GuardMachine,
): DecisionLog | undefined {
  const rules = decisionLogRules(decisionLog)
  if (rules === undefined) return undefined
  if (deliver === undefined) throw new TypeError('nobody takes the decisions of this guard')
  return new DecisionLog(rules, deliver, machine)
}

function rulesOf(options: GuardOptions): CheckRules {
  const { issuer, audience, publicBase, dpop = {}, stepUp = {}, resourceMetadata } = options
  return {
    algorithms: options.algorithms ?? ['ES256'],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
    clockSkewSecondsMax: options.clockSkewSecondsMax ?? 30,
    acceptTestKeys: options.acceptTestKeys ?? false,
    trustedProxies: options.trustedProxies ?? 0,
    tokenLengthMax: options.tokenLengthMax ?? 8_192,
    verifiedTokensMax: options.verifiedTokensMax ?? 10_000,
    stepUp: {
      ...(stepUp.everywhere === undefined ? {} : { everywhere: stepUp.everywhere }),
      operations: new Map(Object.entries(stepUp.operations ?? {})),
    },
    described: resourceMetadata === true ? {} : resourceMetadata,
    publicBases: publicBase === undefined ? undefined : listOf(publicBase).map(publicAddress),
    proofRequired: dpop.required ?? false,
    proofAlgorithms: dpop.algorithms ?? ['ES256', 'PS256', 'EdDSA', 'Ed25519'],
    proofAgeSecondsMax: dpop.proofAgeSecondsMax ?? 60,
    proofsMax: dpop.proofsMax ?? 100_000,
    proofNonce: dpop.nonce === true ? 'own' : (dpop.nonce ?? false),
  }
}

/** A misspelt name would leave out a check without a word. @throws {TypeError} */
function checkNames({ stepUp }: CheckRules, { model, service }: CompiledBundle): void {
  for (const id of stepUp.operations.keys())
    if (!model.operationsById.has(id))
      throw new TypeError(`stepUp names ${id}, which is no operation of ${service.slug}`)
}

/** @throws {TypeError} */
function publicAddress(text: string): string {
  const url = URL.parse(text)
  const isBase = url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  if (!isBase) throw new TypeError(`publicBase must be an http(s) address without a query, not ${text}`)
  return url.href.replace(/\/$/, '')
}

/** As it would go out: what has a way of its own to become JSON is filtered by what becomes of it. */
function jsonOf(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text === undefined ? null : JSON.parse(text)
}
