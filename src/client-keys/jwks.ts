import { createPublicKey, hash, type JsonWebKey } from 'node:crypto'
import { DomainError, type Fault } from '../errors.ts'

/** A public key with which a client signs its assertions (RFC 7523), with its `kid`. */
export type PublicJwk = Readonly<Record<string, string>>

export const jwksKeysMax = 10
const rsaBitsMin = 2048
const kidLengthMax = 200

interface KeyType {
  /** The public members, in the order of RFC 7638 §3.2 and RFC 8037 §2, from which the thumbprint is made. */
  readonly members: readonly string[]
  algorithms(jwk: Readonly<Record<string, unknown>>): readonly string[]
}

const curves: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
}
const onCurve = ({ crv }: Readonly<Record<string, unknown>>) => curves[String(crv)] ?? []

const keyTypes: Readonly<Record<string, KeyType>> = {
  EC: { members: ['crv', 'kty', 'x', 'y'], algorithms: onCurve },
  OKP: { members: ['crv', 'kty', 'x'], algorithms: onCurve },
  RSA: {
    members: ['e', 'kty', 'n'],
    algorithms: () => ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  },
}

/** RFC 7518 §6: what a public key never has. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * Reads the public keys of a client: each checked, with a `kid` (its RFC 7638 thumbprint where none was given), other
 * members left out.
 * @throws {DomainError} `invalid_request` with every fault; what was sent is not repeated, since it may be private
 */
export function readJwks(keys: readonly Readonly<Record<string, unknown>>[]): readonly PublicJwk[] {
  const faults = keys.flatMap((jwk, i) =>
    faultsOf(jwk).map((fault) => ({ ...fault, pointer: `/jwks/keys/${i}${fault.pointer}` })),
  )
  if (keys.length === 0 || keys.length > jwksKeysMax)
    faults.push({
      pointer: '/jwks/keys',
      detail: `has ${keys.length} keys, where 1 to ${jwksKeysMax} are taken`,
    })
  const read = faults.length === 0 ? keys.map(publicPart) : []
  if (new Set(read.map(({ kid }) => kid)).size < read.length)
    faults.push({ pointer: '/jwks/keys', detail: 'has two keys with one kid, or one key twice' })
  if (faults.length > 0) throw new DomainError('invalid_request', 'the JWK set was refused', { faults })
  return read
}

function faultsOf(jwk: Readonly<Record<string, unknown>>): readonly Fault[] {
  const secret = privateMembers.filter((member) => Object.hasOwn(jwk, member))
  if (secret.length > 0)
    return secret.map((member) => ({
      pointer: `/${member}`,
      detail: 'is private: it must never leave its owner',
      fix: 'make a new key pair, since this one was sent, and send its public half alone',
    }))
  const kty = String(jwk['kty'])
  const type = Object.hasOwn(keyTypes, kty) ? keyTypes[kty] : undefined
  const algorithms = type?.algorithms(jwk) ?? []
  if (type === undefined || algorithms.length === 0)
    return [
      {
        pointer: '',
        detail: 'is not a key that can sign: RSA, EC on P-256, P-384 or P-521, or OKP on Ed25519',
      },
    ]
  const faults = memberFaults(jwk, algorithms)
  if (!isKey(jwk, type))
    faults.push({ pointer: '', detail: `is not a public ${kty} key (RSA: ${rsaBitsMin} bits or more)` })
  return faults
}

function memberFaults(jwk: Readonly<Record<string, unknown>>, algorithms: readonly string[]): Fault[] {
  const { alg, use, kid } = jwk
  const faults: Fault[] = []
  if (alg !== undefined && !algorithms.includes(String(alg)))
    faults.push({ pointer: '/alg', detail: `does not go with this key: ${algorithms.join(', ')}` })
  if (use !== undefined && use !== 'sig') faults.push({ pointer: '/use', detail: 'is not sig' })
  if (kid !== undefined && (typeof kid !== 'string' || !/^[!-~]+$/.test(kid) || kid.length > kidLengthMax))
    faults.push({ pointer: '/kid', detail: `is not 1 to ${kidLengthMax} printable ASCII characters` })
  return faults
}

function isKey(jwk: Readonly<Record<string, unknown>>, { members }: KeyType): boolean {
  const named: JsonWebKey = pick(jwk, members)
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: named, format: 'jwk' })
    return (asymmetricKeyDetails?.modulusLength ?? rsaBitsMin) >= rsaBitsMin
  } catch {
    // Why it is none is of no use to the caller, and the library's words may repeat the key.
    return false
  }
}

function publicPart(jwk: Readonly<Record<string, unknown>>): PublicJwk {
  const members = keyTypes[String(jwk['kty'])]?.members ?? []
  const thumbprint = hash('sha256', JSON.stringify(pick(jwk, members)), 'base64url')
  return { kid: thumbprint, ...pick(jwk, [...members, 'kid', 'alg', 'use']) }
}

function pick(jwk: Readonly<Record<string, unknown>>, members: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    members.flatMap((member) => (jwk[member] === undefined ? [] : [[member, String(jwk[member])]])),
  )
}
