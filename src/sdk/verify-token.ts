import { errors, importJWK, type JWTPayload, jwtVerify } from 'jose'
import type { Clock, EpochMs } from '../clock.ts'
import { addressMatcher } from '../evaluator/address-blocks.ts'
import type { Assumed, Caller, Tags } from '../evaluator/model.ts'
import type { CompiledBundle, VerificationKey } from './compiled-bundle.ts'
import type { TokenMarks } from './revocation-index.ts'
import { assertVerifiable, type VerificationAlgorithm } from './verification-algorithms.ts'

/** Who calls, with what else the token says of them. */
export interface VerifiedCaller extends Caller {
  /** The OAuth client: a machine's own key, or the app's. */
  readonly clientId: string
  readonly environment: 'live' | 'test'
  readonly tokenId: string
  /** When the token ends. */
  readonly expiresAt: EpochMs
  /** Every claim of the token, as it was signed. */
  readonly claims: Readonly<Record<string, unknown>>
}

export interface VerifiedToken {
  readonly caller: VerifiedCaller
  readonly marks: TokenMarks
  /** The key that signed it: the token ends when this leaves the set. */
  readonly key: VerificationKey
  /** RFC 7638 thumbprint of the key whose holder alone may use it. Absent: a bearer token. */
  readonly boundTo: string | undefined
  /** Whether it may be used from there. Absent: from anywhere. */
  readonly allowsAddress: ((address: string | undefined) => boolean) | undefined
}

/** Why a token is not valid: in words that are safe to send to whoever presented it. */
export class TokenRefused extends Error {
  override readonly name: string = 'TokenRefused'
}

/** The token names a signing key that the bundle does not have: there may be a newer bundle. */
export class UnknownSigningKey extends TokenRefused {
  override readonly name: string = 'UnknownSigningKey'
}

export interface VerificationRules {
  /** Which algorithms count is said here, never by the token (RFC 8725 §3.1). */
  readonly algorithms: readonly VerificationAlgorithm[]
  /** Pinned; else the bundle's. */
  readonly issuer?: string
  readonly audience?: string
  /** Tolerance for `exp`, `nbf` and `iat`. */
  readonly clockSkewSecondsMax: number
  readonly acceptTestKeys: boolean
}

export type VerifyToken = (token: string, bundle: CompiledBundle) => Promise<VerifiedToken>

/**
 * Verifies access tokens offline, by RFC 9068 §4. Does NOT see revocation, the caller's address or
 * the proof that a bound token needs; the guard does.
 * @throws {TypeError} if a rule is not safe: no algorithm, or a symmetric one
 */
export function tokenVerifier(rules: VerificationRules, clock: Clock): VerifyToken {
  assertVerifiable(rules.algorithms)
  const imported = new WeakMap<VerificationKey, ReturnType<typeof importJWK>>()

  return async (token, bundle) => {
    let key: VerificationKey | undefined
    const now = clock()
    try {
      const { payload } = await jwtVerify(
        token,
        ({ kid, alg }) => {
          key = signingKey(bundle, kid, alg)
          return importOnce(imported, key, alg)
        },
        {
          algorithms: [...rules.algorithms],
          // RFC 9068 §4: `at+jwt`, so that no other kind of JWT of this issuer passes for an access token.
          typ: 'at+jwt',
          issuer: rules.issuer ?? bundle.service.issuer,
          audience: rules.audience ?? bundle.service.audience,
          requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
          clockTolerance: rules.clockSkewSecondsMax,
          currentDate: new Date(now),
        },
      )
      if (key === undefined) throw new TokenRefused('the token names no signing key')
      return readClaims(payload, key, rules, now)
    } catch (error) {
      throw asRefusal(error)
    }
  }
}

function signingKey(bundle: CompiledBundle, kid: string | undefined, alg: string): VerificationKey {
  const key = kid === undefined ? undefined : bundle.keys.get(kid)
  if (kid === undefined) throw new TokenRefused('the token names no signing key')
  if (key === undefined)
    throw new UnknownSigningKey('the token is signed by a key that the issuer does not publish')
  // RFC 8725 §3.1: a key is used with the one algorithm that it is published for.
  if (key.jwk['alg'] !== undefined && key.jwk['alg'] !== alg)
    throw new TokenRefused('the token is signed with another algorithm than its key is for')
  return key
}

function importOnce(
  imported: WeakMap<VerificationKey, ReturnType<typeof importJWK>>,
  key: VerificationKey,
  alg: string,
): ReturnType<typeof importJWK> {
  const known = imported.get(key)
  if (known !== undefined) return known
  const made = importJWK({ ...key.jwk }, alg)
  imported.set(key, made)
  return made
}

function asRefusal(error: unknown): unknown {
  if (error instanceof TokenRefused) return error
  if (error instanceof errors.JWTExpired) return new TokenRefused('the token has expired', { cause: error })
  if (error instanceof errors.JWTClaimValidationFailed)
    return new TokenRefused(`the token's ${error.claim} is not what it must be here`, { cause: error })
  if (error instanceof errors.JOSEAlgNotAllowed)
    return new TokenRefused('the token is signed with an algorithm that is not accepted here', {
      cause: error,
    })
  if (error instanceof errors.JOSEError)
    return new TokenRefused('the token cannot be verified', { cause: error })
  // Key import and the platform's cryptography report what does not fit by these two; anything else is a defect.
  if (error instanceof TypeError || error instanceof DOMException)
    return new TokenRefused('the token cannot be verified', { cause: error })
  return error
}

function readClaims(
  claims: JWTPayload,
  key: VerificationKey,
  rules: VerificationRules,
  now: EpochMs,
): VerifiedToken {
  const { sub, iat, exp, jti } = claims
  const clientId = claims['client_id']
  if (typeof sub !== 'string' || typeof clientId !== 'string' || typeof jti !== 'string')
    throw new TokenRefused('the token lacks a subject, client or id')
  if (
    typeof iat !== 'number' ||
    typeof exp !== 'number' ||
    iat * 1000 > now + rules.clockSkewSecondsMax * 1000
  )
    throw new TokenRefused('the token was issued in the future')
  const environment = environmentOf(claims['env'], rules.acceptTestKeys)
  const kind = kindOf(sub, clientId)
  const organizationId = claims['org_id']
  if (typeof organizationId !== 'string') throw new TokenRefused('the token names no organization')
  const roles = textList(claims['roles'], 'roles')
  const scope = scopeOf(claims['scope'])
  const tags = tagsOf(claims['tags'])
  const assumed = assumedBy(claims)
  const allowsAddress =
    claims['cidrs'] === undefined ? undefined : addressMatcher(textList(claims['cidrs'], 'cidrs'))
  const caller: VerifiedCaller = Object.freeze({
    kind,
    id: sub,
    organizationId,
    roles,
    ...(scope === undefined ? {} : { scope }),
    ...(tags === undefined ? {} : { tags }),
    ...(assumed === undefined ? {} : { assumed }),
    clientId,
    environment,
    tokenId: jti,
    expiresAt: exp * 1000,
    claims,
  })
  const authorities = authoritiesOf(claims['ver'], authoritiesNeeded(caller))
  const grantId = grantOf(kind, claims['grant_id'])
  const marks = { authorities, jti, roles, kid: key.kid, grantId }
  return { caller, marks, key, boundTo: thumbprintOf(claims['cnf']), allowsAddress }
}

/** RFC 9449 §6.1. Another confirmation (RFC 7800) would be passed over, and a stolen token accepted. */
function thumbprintOf(cnf: unknown): string | undefined {
  if (cnf === undefined) return undefined
  const [[name, value] = [], ...others] = typeof cnf === 'object' && cnf !== null ? Object.entries(cnf) : []
  if (name !== 'jkt' || others.length > 0 || typeof value !== 'string' || !/^[\w-]{43}$/.test(value))
    throw new TokenRefused('the token is bound in a way that is not known here')
  return value
}

function environmentOf(env: unknown, acceptTestKeys: boolean): 'live' | 'test' {
  if (env !== 'live' && env !== 'test')
    throw new TokenRefused('the token does not say whether it is live or for tests')
  if (env === 'test' && !acceptTestKeys)
    throw new TokenRefused('the token is of a test key, which is not accepted here')
  return env
}

function kindOf(sub: string, clientId: string): 'key' | 'user' {
  if (sub.startsWith('key_') && sub === clientId) return 'key'
  if (sub.startsWith('usr_')) return 'user'
  throw new TokenRefused('the token is neither of a machine nor of a person')
}

function textList(value: unknown, name: string): readonly string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return Object.freeze([...value])
  throw new TokenRefused(`the token's ${name} is not a list of texts`)
}

/** RFC 6749 §3.3: names, parted by spaces. */
function scopeOf(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw new TokenRefused("the token's scope is not a text")
  return Object.freeze(value.split(' ').filter((name) => name !== ''))
}

/** A key with a value that cannot be read is not passed over: conditions may ask whether it is absent. */
function tagsOf(value: unknown): Tags | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TokenRefused("the token's tags are not keys with values")
  const tags = Object.entries(value).map(([key, values]) => [key, textList(values, 'tags')] as const)
  return Object.freeze(Object.fromEntries(tags))
}

/**
 * RFC 8693 §4.1: who acts is the token's own subject, and nobody acts for them in turn. `undefined`: the role is the
 * caller's own.
 */
function assumedBy({ sub, act, assumption }: JWTPayload): Assumed | undefined {
  if (act === undefined && assumption === undefined) return undefined
  const actor: Readonly<Record<string, unknown>> = typeof act === 'object' && act !== null ? { ...act } : {}
  const { org_id: organizationId } = actor
  const isOne = actor['sub'] === sub && actor['act'] === undefined
  if (!isOne || typeof organizationId !== 'string' || typeof assumption !== 'string')
    throw new TokenRefused('the token does not say who has assumed its role, and by what')
  return Object.freeze({ id: assumption, organizationId })
}

/** Who must be able to end the token. Apps that have registered themselves are no key, and end with their grants. */
function authoritiesNeeded({ kind, id, organizationId, clientId, roles, assumed }: VerifiedCaller) {
  const ofApp = kind === 'user' && clientId.startsWith('key_') ? [clientId] : []
  const ofAssumed = assumed && [assumed.id, assumed.organizationId, ...roles.filter(isOrganizationDefined)]
  return [id, organizationId, ...ofApp, ...(ofAssumed ?? [])]
}

function isOrganizationDefined(role: string): boolean {
  return role.startsWith('rol_')
}

/** What a person has consented to must end when they take it back. */
function grantOf(kind: Caller['kind'], grantId: unknown): string | undefined {
  if (typeof grantId === 'string') return grantId
  if (kind === 'user' || grantId !== undefined)
    throw new TokenRefused('the token does not say which consent it is by')
  return undefined
}

/** Without a number for each of them a token could never be revoked. */
function authoritiesOf(ver: unknown, needed: readonly string[]): readonly (readonly [string, number])[] {
  const entries = typeof ver === 'object' && ver !== null ? Object.entries(ver) : []
  const numbers = entries.filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1]))
  const isNamed = (id: string) => numbers.some(([name]) => name === id)
  if (numbers.length !== entries.length || !needed.every(isNamed))
    throw new TokenRefused(
      "the token's ver does not name its principal, its organization, its app or its assumption",
    )
  return numbers
}
