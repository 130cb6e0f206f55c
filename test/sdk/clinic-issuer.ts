import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import type { ServiceBundle } from '../../src/sdk/compiled-bundle.ts'
import { clinic } from '../evaluator/clinic-model.ts'

export const issuer = 'https://auth.example/clinic'
export const audience = 'https://api.clinic.example/v1'
export const nowMs = Date.parse('2030-01-01T12:00:00Z')

export interface Issuer {
  readonly kid: string
  readonly publicJwk: Readonly<Record<string, unknown>>
  /** A token of a machine with the role `patients:read`; `undefined` takes a claim out. */
  sign(
    claims?: Record<string, unknown>,
    header?: Partial<JWTHeaderParameters>,
    atMs?: number,
  ): Promise<string>
}

export async function makeIssuer(kid = 'sgn_1', alg = 'ES256'): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  let count = 0
  return {
    kid,
    publicJwk,
    sign: (claims = {}, header = {}, atMs = nowMs) => {
      const iat = Math.floor(atMs / 1000)
      const payload: JWTPayload = {
        iss: issuer,
        aud: audience,
        sub: 'key_1',
        client_id: 'key_1',
        org_id: 'org_a',
        roles: ['patients:read'],
        ver: { key_1: 3, org_a: 5 },
        env: 'live',
        jti: `jti_${++count}`,
        iat,
        exp: iat + 900,
        ...claims,
      }
      return new SignJWT(payload).setProtectedHeader({ alg, typ: 'at+jwt', kid, ...header }).sign(privateKey)
    },
  }
}

export function clinicBundle(...issuers: readonly Issuer[]): ServiceBundle {
  return {
    service: { id: 'svc_1', slug: 'clinic', issuer, audience, access_token_ttl_seconds: 900 },
    model: clinic,
    signing_keys: { keys: issuers.map((one) => one.publicJwk) },
  }
}

export const grantable: readonly string[] = clinic.roles
  .filter((role) => role.grantable)
  .map((role) => role.name)
