import { hash } from 'node:crypto'
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose'
import { nowMs } from './clinic-issuer.ts'

/** Who holds a key and makes proofs with it (RFC 9449 §4.2). */
export interface ProofMaker {
  readonly jwk: JWK
  readonly privateJwk: JWK
  /** What `cnf.jkt` of a token must be. */
  readonly thumbprint: string
  /** A proof for `GET https://api.clinic.example/v1/patients`; `undefined` takes a claim out. */
  prove(
    token: string,
    claims?: Record<string, unknown>,
    header?: Partial<JWTHeaderParameters>,
  ): Promise<string>
}

export async function proofMaker(alg = 'ES256'): Promise<ProofMaker> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const [jwk, privateJwk] = await Promise.all([exportJWK(publicKey), exportJWK(privateKey)])
  let count = 0
  return {
    jwk,
    privateJwk,
    thumbprint: await calculateJwkThumbprint(jwk),
    prove: (token, claims = {}, header = {}) =>
      new SignJWT({
        htm: 'GET',
        htu: 'https://api.clinic.example/v1/patients',
        ath: hash('sha256', token, 'base64url'),
        iat: nowMs / 1000,
        jti: `proof-${++count}`,
        ...claims,
      })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey),
  }
}
