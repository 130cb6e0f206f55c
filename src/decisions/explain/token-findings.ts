import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload } from 'jose'
import { type EpochMs, rfc3339 } from '../../clock.ts'
import type { CompiledBundle } from '../../sdk/compiled-bundle.ts'
import { signingAlgorithms } from '../../services/service.ts'

/** Something that a token says and that keeps it from being valid here. */
export interface TokenFinding {
  /** A claim, or a parameter of the header. */
  readonly about: string
  /** What the token says: anybody may have written it. Absent: nothing, or nothing that can be shown. */
  readonly said?: string
  readonly expected: string
}

const lengthMax = 200

/**
 * What of a token that was not verified is not as it must be. Reads it as it is: nothing of it is to be trusted, and none of
 * the findings need be why it was refused. None for what is no JWT.
 */
export function tokenFindings(
  token: string,
  { service, keys }: CompiledBundle,
  nowMs: EpochMs,
): readonly TokenFinding[] {
  const read = decoded(token)
  if (read === undefined) return []
  const { header, claims } = read
  const { typ, alg, kid } = header
  const { iss, aud, exp, nbf, iat } = claims
  const isMissing = (name: string) => claims[name] === undefined
  const audiences = [aud].flat()
  return [
    ...unless(isAccessTokenType(typ), 'typ', typ, 'at+jwt: this is no access token (RFC 9068 §2.1)'),
    ...unless(
      signingAlgorithms.some((one) => one === alg),
      'alg',
      alg,
      `one of ${signingAlgorithms.join(', ')}`,
    ),
    ...unless(
      typeof kid === 'string' && keys.has(kid),
      'kid',
      kid,
      `a signing key of ${service.slug}: ${[...keys.keys()].join(', ')}`,
    ),
    ...unless(iss === service.issuer, 'iss', iss, service.issuer),
    ...unless(audiences.includes(service.audience), 'aud', audiences.join(', '), service.audience),
    ...unless(
      typeof exp !== 'number' || exp * 1000 > nowMs,
      'exp',
      time(exp),
      `later than ${rfc3339(nowMs)}`,
    ),
    ...unless(
      typeof nbf !== 'number' || nbf * 1000 <= nowMs,
      'nbf',
      time(nbf),
      `not after ${rfc3339(nowMs)}`,
    ),
    ...unless(
      typeof iat !== 'number' || iat * 1000 <= nowMs,
      'iat',
      time(iat),
      `not after ${rfc3339(nowMs)}`,
    ),
    ...needed.filter(isMissing).map((about) => ({ about, expected: 'is required' })),
  ]
}

const needed = ['exp', 'iat', 'sub', 'client_id', 'jti', 'org_id', 'roles']

function decoded(
  token: string,
): { header: Readonly<Record<string, unknown>>; claims: JWTPayload } | undefined {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) }
  } catch (cause) {
    if (cause instanceof TypeError || cause instanceof errors.JOSEError) return undefined
    throw cause
  }
}

/** RFC 9068 §4: with or without `application/`, in any letter case. */
function isAccessTokenType(typ: unknown): boolean {
  return typeof typ === 'string' && /^(?:application\/)?at\+jwt$/i.test(typ)
}

function unless(isRight: boolean, about: string, said: unknown, expected: string): readonly TokenFinding[] {
  if (isRight) return []
  return typeof said === 'string' && said !== ''
    ? [{ about, said: said.slice(0, lengthMax), expected }]
    : [{ about, expected }]
}

/** RFC 7519 §2; a number that is no time is shown as it is. */
function time(seconds: number | undefined): string {
  if (seconds === undefined) return ''
  const at = new Date(seconds * 1000)
  return Number.isNaN(at.getTime()) ? String(seconds) : at.toISOString()
}
