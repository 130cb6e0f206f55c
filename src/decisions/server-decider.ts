import type { Clock, Random } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { CompiledModel } from '../evaluator/compile-model.ts'
import {
  type Decision,
  type DecisionRequest,
  decideFound,
  isPublic,
  refusal,
  unfiltered,
} from '../evaluator/decide.ts'
import { type Found, findOperations } from '../evaluator/find-operations.ts'
import { namesAskedFor } from '../evaluator/found-resources.ts'
import type { DecisionFacts } from '../evaluator/grant.ts'
import type { Match } from '../evaluator/match.ts'
import type { Caller } from '../evaluator/model.ts'
import { RequestContent } from '../evaluator/request/request-at-hand.ts'
import type { DecisionId } from '../ids.ts'
import { presentedToken } from '../sdk/authorization.ts'
import type { CompiledBundle } from '../sdk/compiled-bundle.ts'
import { DecisionIds } from '../sdk/decision-ids.ts'
import type { DecisionLog } from '../sdk/decision-log.ts'
import type { GuardSource } from '../sdk/guard-source.ts'
import { noFacts } from '../sdk/outcomes.ts'
import { type StepUpRules, unmetStepUp } from '../sdk/step-up.ts'
import { VerifiedTokens } from '../sdk/verified-tokens.ts'
import { TokenRefused, tokenVerifier, type VerifiedToken, type VerifyToken } from '../sdk/verify-token.ts'
import { type Service, signingAlgorithms } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import type { AskedPrincipal, AskedSubject, AskedToken, Subject, SubjectCaller } from './asked-subject.ts'
import { findPrincipal } from './find-principal.ts'

export interface DeciderDeps {
  /** The cached ones. */
  readonly records: Records
  readonly clock: Clock
  readonly random: Random
}

/** A request as it is asked about. */
export interface AskedRequest extends DecisionRequest {
  /** Whoever asks puts a filter over the response; without this, what needs one is `filter_required`. */
  readonly canFilter?: boolean
}

/** How a request comes out, and for whom. */
export interface Weighed {
  readonly decision: Decision
  /** The operation that the request names first; absent where it names none. */
  readonly match: Match | undefined
  /** Absent for nobody, and where the operation is open to anybody. */
  readonly caller: SubjectCaller | undefined
  /** Why the subject is let in nowhere, in words for whoever asks. */
  readonly detail?: string
}

/** What was decided, and about what. */
export interface ServerDecision extends Weighed {
  /** In the decision log, if there is one, under this id. */
  readonly decisionId: DecisionId
}

/** Facts that whoever asks adds to those of the store. */
export type Described = (facts: DecisionFacts, caller: SubjectCaller) => DecisionFacts

/** What was found belongs to the model that it was found in: operations of another one are others. */
interface Deciding {
  readonly model: CompiledModel
  readonly found: Found
  readonly caller: SubjectCaller | undefined
}

/** All that decides about one request of one subject. */
export interface Question {
  readonly bundle: CompiledBundle
  readonly found: Found
  readonly facts: DecisionFacts
}

// As for the guard of the management API: nodes keep time together, and tokens are of one service, whatever their length.
const clockSkewSecondsMax = 5
const tokenLengthMax = 16_384
const verifiedTokensMax = 10_000
/** What the document asks of people is all that is asked. */
const noOwnRules: StepUpRules = { operations: new Map() }

/** Decides at the server, about one service: by the very procedure of guards, and the facts of the store as they are now. */
export class ServerDecider {
  readonly #deps: DeciderDeps
  readonly #source: GuardSource
  readonly #find: () => Promise<Service>
  readonly #log: DecisionLog | undefined
  readonly #ids: DecisionIds
  readonly #tokens: Record<'live' | 'test', { readonly verify: VerifyToken; readonly known: VerifiedTokens }>

  /** @param log absent: nothing is recorded */
  constructor(
    deps: DeciderDeps,
    source: GuardSource,
    find: () => Promise<Service>,
    log: DecisionLog | undefined,
  ) {
    const { clock, random } = deps
    const tokens = (acceptTestKeys: boolean) => ({
      verify: tokenVerifier({ algorithms: signingAlgorithms, clockSkewSecondsMax, acceptTestKeys }, clock),
      known: new VerifiedTokens(clock, verifiedTokensMax, clockSkewSecondsMax),
    })
    this.#deps = deps
    this.#source = source
    this.#find = find
    this.#log = log
    this.#ids = new DecisionIds(clock, random)
    this.#tokens = { live: tokens(false), test: tokens(true) }
  }

  /** @throws {DomainError} `stale_bundle` where what is known here is too old to decide by */
  async bundle(): Promise<CompiledBundle> {
    const bundle = await this.#source.bundle()
    if (bundle === undefined || this.#source.isStale())
      throw new DomainError('stale_bundle', 'access cannot be decided right now')
    return bundle
  }

  /**
   * Who that is. A token is verified in full, but for the proof that a bound one needs, which is not seen here.
   * @throws {DomainError} `stale_bundle`
   */
  async subject(asked: AskedSubject): Promise<Subject> {
    switch (asked.kind) {
      case 'token':
        return await this.#bearer(asked)
      case 'principal':
        return await this.#principal(asked)
      case 'made_up': {
        const { principal } = asked
        return { kind: 'caller', caller: { ...principal, clientId: principal.id, claims: {} } }
      }
      default:
        throw new Error(`unknown subject: ${asked satisfies never}`)
    }
  }

  /**
   * What a decision about a request is made of.
   * @throws {DomainError} `stale_bundle`
   */
  async question(
    caller: SubjectCaller,
    { method, path }: Pick<DecisionRequest, 'method' | 'path'>,
  ): Promise<Question> {
    const bundle = await this.bundle()
    const found = findOperations(bundle.model.paths, method, path)
    const names = namesAskedFor(bundle.model, found, caller.organizationId)
    return { bundle, found, facts: await this.#source.factsFor(caller, names) }
  }

  /**
   * Decides, and has it recorded.
   * @throws {DomainError} `stale_bundle`
   */
  async decide(
    asked: AskedSubject | Subject,
    request: AskedRequest,
    described?: Described,
  ): Promise<ServerDecision> {
    const room = this.#log?.room()
    if (room !== undefined) await room
    let made: Weighed | undefined
    const decisionId = this.#ids.next()
    try {
      made = await this.weigh(asked, request, described)
      return { ...made, decisionId }
    } finally {
      this.#log?.noteInRoom(made && noted(made, decisionId, request))
    }
  }

  /**
   * The same of a request that nobody makes now: it is not recorded.
   * @throws {DomainError} `stale_bundle`
   */
  async weigh(asked: AskedSubject | Subject, request: AskedRequest, described?: Described): Promise<Weighed> {
    const { model } = await this.bundle()
    const found = findOperations(model.paths, request.method, request.path)
    const match = found.kind === 'found' ? found.matches[0] : undefined
    // A wrong token must not close what is open to anybody: it is not looked at.
    const isOpen = found.kind === 'found' && isPublic(found)
    const subject = isOpen ? undefined : await this.#known(asked)
    if (subject?.kind === 'refused') {
      const { reason, detail, caller } = subject
      const operation = match && { operation: match.indexed.operation }
      return { decision: { allowed: false, reason, ...operation }, match, caller, detail }
    }
    const caller = subject?.caller
    return { decision: await this.#decision({ model, found, caller }, request, described), match, caller }
  }

  /** Facts about a caller, and about resources by their names, as decisions go by them. */
  factsFor(caller: Caller, resources: readonly string[]): DecisionFacts | Promise<DecisionFacts> {
    return this.#source.factsFor(caller, resources)
  }

  /** Resolves when what was decided is recorded, or given up. */
  async close(): Promise<void> {
    await this.#log?.close()
    this.#source.close()
  }

  async #known(asked: AskedSubject | Subject): Promise<Subject> {
    return asked.kind === 'caller' || asked.kind === 'refused' ? asked : await this.subject(asked)
  }

  async #decision(
    { model, found, caller }: Deciding,
    request: AskedRequest,
    described: Described | undefined,
  ): Promise<Decision> {
    if (found.kind === 'refused') return refusal(found)
    const content = new RequestContent(request.path, request.body)
    if (caller === undefined) return decideFound(model, noFacts, undefined, found, content)
    const facts = await this.#source.factsFor(caller, namesAskedFor(model, found, caller.organizationId))
    const all = described === undefined ? facts : described(facts, caller)
    const decided = decideFound(model, all, caller, found, content)
    const decision = request.canFilter === true ? decided : unfiltered(decided)
    return decision.allowed ? (this.#unmet(caller, found) ?? decision) : decision
  }

  #unmet(caller: SubjectCaller, { matches }: Extract<Found, { kind: 'found' }>): Decision | undefined {
    const { operation } = matches[0].indexed
    return unmetStepUp(noOwnRules, matches, caller, this.#deps.clock) === undefined
      ? undefined
      : { allowed: false, reason: 'insufficient_user_authentication', operation }
  }

  async #principal(asked: AskedPrincipal): Promise<Subject> {
    const caller = await findPrincipal(this.#deps, await this.#find(), asked)
    if (caller !== undefined) return { kind: 'caller', caller }
    const detail = 'Nobody of this name may use the service now.'
    return { kind: 'refused', reason: 'invalid_token', detail }
  }

  async #bearer({ token, proofChecked, address, acceptTestKeys }: AskedToken): Promise<Subject> {
    const verified = await this.#verified(token, acceptTestKeys === true ? 'test' : 'live')
    if (typeof verified === 'string') return refused('invalid_token', verified)
    const { caller, marks, boundTo, allowsAddress } = verified
    if (this.#source.isRevoked(marks))
      return { ...refused('token_revoked', 'The token was revoked.'), caller }
    if (allowsAddress?.(address) === false)
      return { ...refused('invalid_token', 'The token may not be used from this address.'), caller }
    if (boundTo === undefined || proofChecked === true) return { kind: 'caller', caller }
    return { ...refused('invalid_token', unseenProof), caller }
  }

  /** The token's, or why it is not valid. */
  async #verified(token: string, environment: 'live' | 'test'): Promise<VerifiedToken | string> {
    const bundle = await this.bundle()
    const { verify, known } = this.#tokens[environment]
    const before = known.get(token, bundle)
    if (before !== undefined) return before
    if (presentedToken(`Bearer ${token}`, tokenLengthMax).kind !== 'token')
      return 'The token is too long or not a signed JWT.'
    try {
      const verified = await verify(token, bundle)
      known.add(token, bundle, verified)
      return verified
    } catch (cause) {
      if (cause instanceof TokenRefused) return `The token is not valid: ${cause.message}.`
      throw cause
    }
  }
}

const unseenProof =
  'The token is bound to a key (RFC 9449), and the proof of it is not seen here: verify it, and say proof_checked.'

function refused(reason: 'invalid_token' | 'token_revoked', detail: string) {
  return { kind: 'refused', reason, detail } as const
}

function noted({ decision, match, caller }: Weighed, id: DecisionId, { method }: AskedRequest) {
  const { reason } = decision
  return { id, method, reason, match, caller, role: decision.allowed ? decision.role : undefined }
}
