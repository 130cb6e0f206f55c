import { hash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Clock, EpochMs } from '../clock.ts'
import { canonicalPath } from '../evaluator/canonical-path.ts'
import { nonceLifeMs, type ProofNonces } from './proof-nonces.ts'
import type { SeenProofs } from './seen-proofs.ts'
import { assertVerifiable, type VerificationAlgorithm } from './verification-algorithms.ts'

/** Why a proof is none: in words that are safe to send to whoever presented it. */
export class ProofRefused extends Error {
  override readonly name: string = 'ProofRefused'
  /** RFC 9449 §7.1 and §9. */
  readonly code: 'invalid_dpop_proof' | 'invalid_token' | 'use_dpop_nonce'

  constructor(code: ProofRefused['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface ProofRules {
  /** Which algorithms count is said here, never by the proof (RFC 8725 §3.1). */
  readonly algorithms: readonly VerificationAlgorithm[]
  /** How far `iat` may be from now, either way. */
  readonly ageSecondsMax: number
  /** Present: each proof needs a nonce of ours, which then stands for its age. */
  readonly nonces: ProofNonces | undefined
}

/** A request whose token is bound to a key. */
export interface ProvenRequest {
  readonly method: string
  /** The request's target as it was sent: `/path?query`. */
  readonly url: string
  /** What may stand before it in the address that the client wrote. Of the configuration, never of the request. */
  readonly publicBases: readonly string[]
  readonly token: string
  /** RFC 7638 thumbprint of the key that the token is bound to: its `cnf.jkt`. */
  readonly boundTo: string
  /** Each `DPoP` header. */
  readonly proof: string | readonly string[] | undefined
  /** `false`: the proof was taken before, for this request; its age and id are not looked at. */
  readonly isNew: boolean
}

/** @throws {ProofRefused} */
export type VerifyProof = (request: ProvenRequest) => Promise<{ readonly nonce: string | undefined }>

const proofLengthMax = 8_192
const jtiLengthMax = 1_000

/**
 * Verifies that who presents a bound token holds its key, by RFC 9449 §4.3.
 * @throws {TypeError} if a rule is not safe: no algorithm, or a symmetric one
 */
export function proofVerifier(rules: ProofRules, seen: SeenProofs, clock: Clock): VerifyProof {
  assertVerifiable(rules.algorithms)
  return async (request) => {
    const proof = onlyProof(request.proof)
    const now = clock()
    const { payload, jwk } = await signedProof(proof, rules, now)
    const { jti, iat, nonce } = payload
    if (payload['htm'] !== request.method) throw wrong('the proof is for another method (htm)')
    if (!isAddressOf(payload['htu'], request)) throw wrong('the proof is for another address (htu)')
    if (payload['ath'] !== hash('sha256', request.token, 'base64url'))
      throw wrong('the proof is for another access token (ath)')
    if (typeof jti !== 'string' || jti === '' || jti.length > jtiLengthMax)
      throw wrong('the proof has no id (jti)')
    if (typeof iat !== 'number') throw wrong('the proof has no time (iat)')
    const thumbprint = await calculateJwkThumbprint(jwk)
    if (thumbprint !== request.boundTo)
      throw new ProofRefused('invalid_token', 'the token is bound to another key than the proof is made with')
    // Last, so that a proof which is refused for something else can be sent again where it fits.
    if (request.isNew && !seen.take(thumbprint, jti, endOf(rules, iat, nonce, now)))
      throw wrong('the proof was used before (jti)')
    return { nonce: typeof nonce === 'string' ? nonce : undefined }
  }
}

/** RFC 9449 §4.3, 1: one header field with one proof. Several are joined by commas on the way, and no proof has one. */
function onlyProof(given: ProvenRequest['proof']): string {
  const [proof, ...others] = typeof given === 'string' ? [given] : (given ?? [])
  if (proof === undefined || proof === '')
    throw wrong('the token is bound to a key: send a proof of it in a DPoP header')
  if (others.length > 0 || proof.includes(',')) throw wrong('there is more than one DPoP header')
  if (proof.length > proofLengthMax) throw wrong('the proof is too long')
  return proof
}

/** RFC 9449 §4.3, 2 to 7: a JWT of this type, signed by the public key in its own header. */
async function signedProof(proof: string, { algorithms }: ProofRules, now: EpochMs) {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: [...algorithms],
      typ: 'dpop+jwt',
      currentDate: new Date(now),
    })
    const { jwk } = protectedHeader
    // The library has just verified by this key; the type does not know it.
    if (jwk === undefined) throw wrong('the proof names no key (jwk)')
    return { payload, jwk }
  } catch (error) {
    if (error instanceof errors.JOSEAlgNotAllowed)
      throw wrong(`the proof is signed with an algorithm that is not accepted here`, error)
    // Key import and the platform's cryptography report what does not fit by the last two.
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException)
      throw wrong('the proof cannot be verified', error)
    throw error
  }
}

/** RFC 9449 §4.3, 9: the same address, query and fragment aside, both in the one way to write it (RFC 3986 §6.2). */
function isAddressOf(htu: JWTPayload[string], { url, publicBases }: ProvenRequest): boolean {
  const claimed = typeof htu === 'string' ? URL.parse(htu) : null
  if (claimed === null || claimed.username !== '' || claimed.password !== '') return false
  const path = canonicalPath(claimed.pathname)
  if (path === 'ambiguous_path') return false
  return publicBases.some((text) => {
    const base = new URL(text)
    const asked = canonicalPath(base.pathname.replace(/\/$/, '') + url)
    return asked !== 'ambiguous_path' && claimed.origin === base.origin && path.path === asked.path
  })
}

/** Until when the proof would be taken: by the nonce where one is asked for (RFC 9449 §4.3, 10 and 11), else by its age. */
function endOf({ nonces, ageSecondsMax }: ProofRules, iat: number, nonce: unknown, now: EpochMs): EpochMs {
  if (nonces !== undefined) {
    if (typeof nonce !== 'string' || !nonces.isValid(nonce))
      throw new ProofRefused('use_dpop_nonce', 'the proof needs the nonce of the DPoP-Nonce header')
    return now + nonceLifeMs
  }
  if (Math.abs(now - iat * 1000) > ageSecondsMax * 1000)
    throw wrong('the proof was made too long ago, or in the future (iat)')
  return (iat + ageSecondsMax + 1) * 1000
}

function wrong(why: string, cause?: unknown): ProofRefused {
  return new ProofRefused('invalid_dpop_proof', why, cause === undefined ? undefined : { cause })
}
