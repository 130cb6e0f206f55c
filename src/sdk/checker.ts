import type { Clock } from '../clock.ts'
import { type Decision, decideFound, isPublic, refusal, unfiltered } from '../evaluator/decide.ts'
import { type Found, findOperations } from '../evaluator/find-operations.ts'
import { namesAskedFor } from '../evaluator/found-resources.ts'
import type { DecisionFacts } from '../evaluator/grant.ts'
import { RequestContent } from '../evaluator/request/request-at-hand.ts'
import type { DecisionId } from '../ids.ts'
import type { RefusalContext } from './answers.ts'
import { type Presented, readToken, type Scheme, unreadToken } from './authorization.ts'
import { Challengers } from './challengers.ts'
import type { CheckRules, GuardMachine } from './check-rules.ts'
import { trustedAddress } from './client-address.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import { DecisionIds } from './decision-ids.ts'
import type { Gate, GuardAnswer, GuardRequest, Rejection } from './guard-answer.ts'
import type { GuardSource } from './guard-source.ts'
import type { Seen } from './noted-decision.ts'
import {
  type AdmittedBy,
  admission,
  attempt,
  couldTurn,
  isForGood,
  noFacts,
  rejection,
  withoutBody,
  withoutToken,
} from './outcomes.ts'
import { type NonceHeaders, Possession } from './possession.ts'
import { PublishedMetadata } from './published-metadata.ts'
import { knownOf } from './request-body.ts'
import type { MetadataAnswer, ResourceMetadata } from './resource-metadata.ts'
import { unmetStepUp } from './step-up.ts'
import { VerifiedTokens } from './verified-tokens.ts'
import { ProofRefused } from './verify-proof.ts'
import {
  TokenRefused,
  tokenVerifier,
  UnknownSigningKey,
  type VerifiedToken,
  type VerifyToken,
} from './verify-token.ts'

/** A request with a token, on its way to a decision. */
interface Asked {
  readonly decisionId: DecisionId
  readonly bundle: CompiledBundle
  readonly found: Found
  readonly request: GuardRequest
  readonly scheme: Scheme
  readonly token: string
  /** If it was verified before, and has not ended since. */
  readonly known: VerifiedToken | undefined
}

type Proven =
  | { readonly kind: 'proven'; readonly headers: NonceHeaders }
  | { readonly kind: 'refused'; readonly rejection: Rejection }

/** Decides requests by what a source knows: the procedure of a guard, step by step. */
export class Checker implements Gate {
  readonly #source: GuardSource
  readonly #rules: CheckRules
  readonly #clock: Clock
  readonly #verify: VerifyToken
  readonly #possession: Possession
  readonly #tokens: VerifiedTokens
  readonly #metadata: PublishedMetadata
  readonly #challengers: Challengers
  readonly #ids: DecisionIds

  constructor(source: GuardSource, rules: CheckRules, { clock, random }: GuardMachine) {
    this.#source = source
    this.#rules = rules
    this.#clock = clock
    this.#verify = tokenVerifier(rules, clock)
    this.#possession = new Possession(rules, clock, random)
    this.#tokens = new VerifiedTokens(clock, rules.verifiedTokensMax, rules.clockSkewSecondsMax)
    this.#metadata = new PublishedMetadata(source, rules)
    this.#challengers = new Challengers(this.#metadata, rules.proofAlgorithms)
    this.#ids = new DecisionIds(clock, random)
  }

  /** @param seen told what was made out of the request */
  async check(request: GuardRequest, seen: Seen = {}): Promise<GuardAnswer> {
    const answer = await this.#check(request, seen)
    const { body: ask } = request
    if (typeof ask !== 'function' || !couldTurn(answer)) return answer
    const body = await ask()
    if (body.kind === 'not_read') return withoutBody(answer, body)
    // It may have been long in coming: all is asked anew. The proof was new when the request came.
    return this.#check({ ...request, body, admittedBefore: true }, seen)
  }

  async #check(request: GuardRequest, seen: Seen): Promise<GuardAnswer> {
    const bundle = await attempt(() => this.#source.bundle())
    if (bundle.kind === 'failed') return this.#stale(bundle.cause)
    const begun = this.#begin(request, bundle.value, seen)
    if ('allowed' in begun) return begun
    const { known } = begun
    const [asked, token] = known === undefined ? await this.#verified(begun, seen) : [begun, known]
    if ('allowed' in token) return token
    const ended = this.#ended(asked, token)
    if (ended !== undefined) return ended
    const proven = await this.#proven(asked, token)
    if (proven.kind === 'refused') return proven.rejection
    const names = namesAskedFor(asked.bundle.model, asked.found, token.caller.organizationId)
    const facts = await attempt(() => this.#source.factsFor(token.caller, names))
    if (facts.kind === 'failed') return this.#stale(facts.cause)
    const endedSince = this.#ended(asked, token)
    if (endedSince !== undefined) return endedSince
    const decision = this.#decide(asked, token.caller, facts.value)
    return this.#answer(asked, token, decision, { facts: facts.value, headers: proven.headers })
  }

  checkNow(request: GuardRequest, seen: Seen = {}): GuardAnswer | undefined {
    const bundle = this.#source.bundle()
    if (bundle instanceof Promise) return undefined
    const asked = this.#begin(request, bundle, seen)
    if ('allowed' in asked) return asked
    const { known: token } = asked
    const facts = this.#source.factsAtHand
    // A proof is another one at each request, and verifying it takes a while.
    if (token === undefined || token.boundTo !== undefined || facts === undefined) return undefined
    // Nothing was waited for since it was asked whether what is known is too old.
    const ended = this.#endedToken(asked, token)
    if (ended !== undefined) return ended
    const fault = this.#possession.schemeFault(asked.scheme, undefined)
    if (fault !== undefined) return this.#unproven(asked, token, fault)
    const decision = this.#decide(asked, token.caller, facts)
    // What it lacks is asked for by `check`.
    if (!decision.allowed && decision.reason === 'stale_bundle') return undefined
    const answer = this.#answer(asked, token, decision, { facts, headers: undefined })
    return typeof request.body === 'function' && couldTurn(answer) ? undefined : answer
  }

  async isPreflight({ method, url, corsHeaders }: GuardRequest): Promise<boolean> {
    if (method !== 'OPTIONS' || corsHeaders !== true) return false
    const bundle = await attempt(() => this.#source.bundle())
    if (bundle.kind === 'failed' || bundle.value === undefined) return false
    return findOperations(bundle.value.model.paths, method, url).kind !== 'found'
  }

  metadata(): Promise<ResourceMetadata | undefined> {
    return this.#metadata.now()
  }

  metadataFor(request: GuardRequest): Promise<MetadataAnswer | undefined> {
    return this.#metadata.answerTo(request)
  }

  #begin(request: GuardRequest, bundle: CompiledBundle | undefined, seen: Seen): Asked | GuardAnswer {
    if (bundle === undefined || this.#source.isStale()) return this.#stale()
    const now = this.#clock()
    const decisionId = this.#ids.next(now)
    const found = findOperations(bundle.model.paths, request.method, request.url)
    if (found.kind === 'found') seen.match = found.matches[0]
    // A wrong token must not close what is open to anybody: it is not looked at.
    if (found.kind === 'found' && isPublic(found)) {
      const decision = decideFound(bundle.model, noFacts, undefined, found, new RequestContent(request.url))
      if (decision.allowed) return admission(decisionId, bundle, decision)
    }
    const unread = unreadToken(request.authorization, this.#rules.tokenLengthMax)
    const known = unread.kind === 'token' ? this.#tokens.get(unread.token, bundle, now) : undefined
    const presented = unread.kind === 'token' && known === undefined ? readToken(unread) : unread
    if (presented.kind !== 'token') return this.#unusable(presented, decisionId, bundle)
    const { scheme, token } = presented
    return { scheme, token, known, decisionId, bundle, found, request }
  }

  #unusable(
    presented: Exclude<Presented, { kind: 'token' }>,
    decisionId: DecisionId,
    bundle: CompiledBundle,
  ): Rejection {
    const scheme = presented.kind === 'malformed' ? presented.scheme : this.#possession.scheme
    return withoutToken(presented, this.#context({ decisionId, bundle, scheme }))
  }

  /** Verifies; a token of an unknown signing key once more with a newer bundle, if there is one. */
  async #verified(asked: Asked, seen: Seen): Promise<readonly [Asked, VerifiedToken | GuardAnswer]> {
    const first = await this.#verifiedBy(asked)
    if (!('allowed' in first) || !(first.cause instanceof UnknownSigningKey)) return [asked, first]
    const newer = await attempt(async () => {
      await this.#source.refresh()
      return this.#source.bundle()
    })
    if (newer.kind === 'failed' || newer.value === undefined || newer.value === asked.bundle)
      return [asked, first]
    // From the beginning: what was found belongs to the document that it was found in.
    const again = this.#begin(asked.request, newer.value, seen)
    return 'allowed' in again ? [asked, again] : [again, await this.#verifiedBy(again)]
  }

  async #verifiedBy(asked: Asked): Promise<VerifiedToken | Rejection> {
    const { token, bundle } = asked
    try {
      const verified = await this.#verify(token, bundle)
      this.#tokens.add(token, bundle, verified)
      return verified
    } catch (cause) {
      if (!(cause instanceof TokenRefused)) throw cause
      return { ...rejection('invalid_token', { ...this.#context(asked), detail: cause.message }), cause }
    }
  }

  /** At each request anew, however often the token was seen. */
  async #proven(asked: Asked, token: VerifiedToken): Promise<Proven> {
    try {
      const presented = { scheme: asked.scheme, token: asked.token, boundTo: token.boundTo }
      return {
        kind: 'proven',
        headers: await this.#possession.prove(asked.request, presented, asked.bundle),
      }
    } catch (cause) {
      if (!(cause instanceof ProofRefused)) throw cause
      return { kind: 'refused', rejection: this.#unproven(asked, token, cause) }
    }
  }

  #unproven(asked: Asked, { caller, boundTo }: VerifiedToken, cause: ProofRefused): Rejection {
    const scheme = boundTo === undefined ? this.#possession.scheme : 'DPoP'
    const context = { ...this.#context({ ...asked, scheme }), error: cause.code, detail: cause.message }
    const refused = rejection('invalid_token', context)
    if (cause.code !== 'use_dpop_nonce') return { ...refused, caller, cause }
    return { ...refused, headers: { ...refused.headers, ...this.#possession.nonceHeaders() }, caller, cause }
  }

  #decide(
    { bundle, found, request }: Asked,
    caller: VerifiedToken['caller'],
    facts: DecisionFacts,
  ): Decision {
    if (found.kind === 'refused') return refusal(found)
    const content = new RequestContent(request.url, knownOf(request.body))
    const decided = decideFound(bundle.model, facts, caller, found, content)
    return request.filtersResponse === true ? decided : unfiltered(decided)
  }

  #answer(
    asked: Asked,
    token: VerifiedToken,
    decision: Decision,
    by: Omit<AdmittedBy, 'caller'>,
  ): GuardAnswer {
    const { caller } = token
    const { decisionId, bundle } = asked
    if (decision.allowed)
      return this.#unmet(asked, token) ?? admission(decisionId, bundle, decision, { caller, ...by })
    const { reason, neededScopes, methods, operation } = decision
    const challenger = isForGood(caller, reason) ? undefined : this.#challengers.of(bundle, asked.scheme)
    return rejection(reason, { decisionId, challenger, neededScopes, methods }, { caller, operation })
  }

  /** Last of all: nobody signs in again to be told that they may not. */
  #unmet(asked: Asked, { caller }: VerifiedToken): Rejection | undefined {
    const matches = asked.found.kind === 'found' ? asked.found.matches : []
    const stepUp = unmetStepUp(this.#rules.stepUp, matches, caller, this.#clock)
    if (stepUp === undefined) return undefined
    const operation = matches[0]?.indexed.operation
    const context = { ...this.#context(asked), stepUp }
    return rejection('insufficient_user_authentication', context, { caller, operation })
  }

  /** What is asked anew at each request, however often the token was seen, and after all that was waited for. */
  #ended(asked: Asked, token: VerifiedToken): Rejection | undefined {
    return this.#source.isStale() ? this.#stale() : this.#endedToken(asked, token)
  }

  #endedToken(asked: Asked, token: VerifiedToken): Rejection | undefined {
    const { caller } = token
    if (this.#source.isRevoked(token.marks)) {
      const detail = 'The token was revoked.'
      return rejection('token_revoked', { ...this.#context(asked), detail }, { caller })
    }
    if (this.#isAllowedFrom(asked.request, token)) return undefined
    const detail = 'The token may not be used from this address.'
    return rejection('invalid_token', { ...this.#context(asked), detail }, { caller })
  }

  #isAllowedFrom({ forwardedFor, address }: GuardRequest, { allowsAddress }: VerifiedToken): boolean {
    if (allowsAddress === undefined) return true
    return allowsAddress(trustedAddress(forwardedFor, address, this.#rules.trustedProxies))
  }

  #stale(cause?: unknown): Rejection {
    const decisionId = this.#ids.next()
    return {
      ...rejection('stale_bundle', { decisionId }),
      ...(cause === undefined ? {} : { cause }),
    }
  }

  #context({ decisionId, bundle, scheme }: Pick<Asked, 'decisionId' | 'bundle' | 'scheme'>): RefusalContext {
    return { decisionId, challenger: this.#challengers.of(bundle, scheme) }
  }
}
