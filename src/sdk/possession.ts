import type { Clock, Random } from '../clock.ts'
import type { Scheme } from './authorization.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import type { GuardRequest } from './guard-answer.ts'
import { type ProofNonces, proofNonces } from './proof-nonces.ts'
import { SeenProofs } from './seen-proofs.ts'
import type { VerificationAlgorithm } from './verification-algorithms.ts'
import { ProofRefused, proofVerifier, type VerifyProof } from './verify-proof.ts'

export interface PossessionRules {
  readonly proofAlgorithms: readonly VerificationAlgorithm[]
  readonly proofAgeSecondsMax: number
  /** So many proofs are remembered. */
  readonly proofsMax: number
  readonly proofNonce: false | 'own' | { readonly secret: string }
  /** Bearer tokens are refused. */
  readonly proofRequired: boolean
  /** Absent: the origin of the service's audience. */
  readonly publicBases: readonly string[] | undefined
}

/** A token as it was presented. */
export interface PresentedToken {
  readonly scheme: Scheme
  readonly token: string
  /** RFC 7638 thumbprint; absent: a bearer token. */
  readonly boundTo: string | undefined
}

/** Headers that tell the client the nonce for its next proof (RFC 9449 §8.2, §9). */
export type NonceHeaders = Readonly<Record<string, string>>

const noHeaders: NonceHeaders = Object.freeze({})

/** Whether who presents a token may: a bound one with a proof of its key, another one as a bearer (RFC 9449 §7). */
export class Possession {
  /** How a token is to be presented where none was. */
  readonly scheme: Scheme
  readonly #rules: PossessionRules
  readonly #nonces: ProofNonces | undefined
  readonly #verify: VerifyProof

  /** @throws {TypeError} if the rules are not safe */
  constructor(rules: PossessionRules, clock: Clock, random: Random) {
    const { proofAlgorithms, proofAgeSecondsMax, proofsMax, proofNonce, proofRequired } = rules
    this.scheme = proofRequired ? 'DPoP' : 'Bearer'
    this.#rules = rules
    this.#nonces = proofNonce === false ? undefined : proofNonces(secretOf(proofNonce, random), clock)
    this.#verify = proofVerifier(
      { algorithms: proofAlgorithms, ageSecondsMax: proofAgeSecondsMax, nonces: this.#nonces },
      new SeenProofs(proofsMax, clock),
      clock,
    )
  }

  /** What of it can be told without a proof: a token that is bound is none of a bearer's, and the other way round. */
  schemeFault(scheme: Scheme, boundTo: string | undefined): ProofRefused | undefined {
    if (boundTo === undefined && scheme === 'DPoP')
      return new ProofRefused('invalid_token', 'the token is not bound to a key: send it as Bearer')
    if (boundTo === undefined && this.#rules.proofRequired)
      return new ProofRefused('invalid_token', 'only tokens that are bound to a key are accepted here')
    if (boundTo !== undefined && scheme === 'Bearer')
      return new ProofRefused('invalid_token', 'the token is bound to a key: send it as DPoP, with a proof')
    return undefined
  }

  /** @throws {ProofRefused} */
  async prove(
    request: GuardRequest,
    presented: PresentedToken,
    bundle: CompiledBundle,
  ): Promise<NonceHeaders> {
    const fault = this.schemeFault(presented.scheme, presented.boundTo)
    if (fault !== undefined) throw fault
    const { token, boundTo } = presented
    if (boundTo === undefined) return noHeaders
    const publicBases = this.#rules.publicBases ?? originOf(bundle.service.audience)
    const { method, url, dpop: proof, admittedBefore } = request
    const isNew = admittedBefore !== true
    const { nonce } = await this.#verify({ method, url, publicBases, token, boundTo, proof, isNew })
    return nonce !== undefined && this.#nonces?.isCurrent(nonce) === false ? this.nonceHeaders() : noHeaders
  }

  nonceHeaders(): NonceHeaders {
    return this.#nonces === undefined ? noHeaders : { 'dpop-nonce': this.#nonces.current() }
  }
}

function secretOf(nonce: 'own' | { readonly secret: string }, random: Random): string | Uint8Array {
  return nonce === 'own' ? random(32) : nonce.secret
}

/** An audience need not be an address; then nothing fits, and `publicBase` must be given. */
function originOf(audience: string): readonly string[] {
  const url = URL.parse(audience)
  return url === null || url.origin === 'null' ? [] : [url.origin]
}
