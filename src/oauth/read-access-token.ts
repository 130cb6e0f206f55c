import { errors, importJWK, type JWTPayload, jwtVerify } from 'jose'
import type { Clock } from '../clock.ts'
import type { TokenMarks } from '../sdk/revocation-index.ts'
import { type Service, signingAlgorithms } from '../services/service.ts'

/** An access token of ours, verified. */
export interface ReadAccessToken {
  readonly claims: JWTPayload
  /** The client that it was issued to. */
  readonly clientId: string
  readonly jti: string
  /** Seconds since the epoch. */
  readonly exp: number
  readonly marks: TokenMarks
}

/**
 * Reads a JWT access token (RFC 9068) of one issuer: by its signature, kind and time, not by what was revoked.
 * `undefined` for all that is no such token, or has expired.
 */
export function accessTokenReader(service: Service, issuer: string, clock: Clock) {
  const keys = new Map(
    service.signingKeys.map((key) => [key.id as string, importJWK({ ...key.publicJwk }, key.algorithm)]),
  )
  return async (token: string): Promise<ReadAccessToken | undefined> => {
    try {
      const { payload, protectedHeader } = await jwtVerify(
        token,
        ({ kid = '' }) => keys.get(kid) ?? Promise.reject(new errors.JWKSNoMatchingKey()),
        {
          algorithms: [...signingAlgorithms],
          issuer,
          audience: service.audience,
          typ: 'at+jwt',
          requiredClaims: ['exp', 'jti', 'client_id'],
          currentDate: new Date(clock()),
        },
      )
      return readClaims(payload, protectedHeader.kid ?? '')
    } catch (error) {
      // A header may name a key of ours with another algorithm, which the platform refuses as a `TypeError`.
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
      throw error
    }
  }
}

/** We signed them: what is not as we write it is another kind of token. */
function readClaims(claims: JWTPayload, kid: string): ReadAccessToken | undefined {
  const { jti, exp, client_id: clientId, grant_id: grantId, ver, roles } = claims
  if (typeof jti !== 'string' || typeof exp !== 'number' || typeof clientId !== 'string') return undefined
  const authorities = Object.entries(typeof ver === 'object' && ver !== null ? ver : {})
  const marks = {
    authorities,
    jti,
    grantId: typeof grantId === 'string' ? grantId : undefined,
    roles: Array.isArray(roles) ? roles : [],
    kid,
  }
  return { claims, clientId, jti, exp, marks }
}
