import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'

/** Nonces that a guard hands out for proofs (RFC 9449 §9), without keeping any: each is good for one to two minutes. */
export interface ProofNonces {
  /** The one to use now. */
  current(): string
  isCurrent(nonce: string): boolean
  isValid(nonce: string): boolean
}

const stepMs = 60_000
/** A nonce is of no use after this. */
export const nonceLifeMs: number = 2 * stepMs

/** @param secret processes that share it take each other's nonces */
export function proofNonces(secret: string | Uint8Array, clock: Clock): ProofNonces {
  const at = (step: number): string =>
    createHmac('sha256', secret).update(`latchkey proof nonce v1 ${step}`).digest('base64url')
  const step = (): number => Math.floor(clock() / stepMs)
  const isOf = (nonce: string, expected: string): boolean =>
    nonce.length === expected.length && timingSafeEqual(Buffer.from(nonce), Buffer.from(expected))
  return {
    current: () => at(step()),
    isCurrent: (nonce) => isOf(nonce, at(step())),
    isValid: (nonce) => isOf(nonce, at(step())) || isOf(nonce, at(step() - 1)),
  }
}
