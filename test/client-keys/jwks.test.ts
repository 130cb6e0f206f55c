import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, test } from 'vitest'
import { jwksKeysMax, readJwks } from '../../src/client-keys/jwks.ts'
import { DomainError } from '../../src/errors.ts'

type Jwk = Readonly<Record<string, unknown>>
const plain = (jwk: JsonWebKey): Jwk => ({ ...jwk })
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pairs = {
  EC: ec(),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  OKP: generateKeyPairSync('ed25519'),
}
const publicOf = (kind: keyof typeof pairs): Jwk => plain(pairs[kind].publicKey.export({ format: 'jwk' }))
const privateOf = (kind: keyof typeof pairs): Jwk => plain(pairs[kind].privateKey.export({ format: 'jwk' }))

function faultsOf(keys: readonly Jwk[]) {
  try {
    readJwks(keys)
  } catch (error) {
    if (error instanceof DomainError)
      return { faults: error.faults, text: JSON.stringify([error.message, error.faults]) }
    throw error
  }
  throw new Error('was not refused')
}

describe("a client's JWK set", () => {
  test.each(['EC', 'RSA', 'OKP'] as const)(
    'takes a public %s key, named by its RFC 7638 thumbprint',
    async (kind) => {
      const jwk = publicOf(kind)
      const [read] = readJwks([{ ...jwk, use: 'sig', x5c: ['left out'] }])
      const thumbprint = await calculateJwkThumbprint(pairs[kind].publicKey)
      expect(read).toEqual({ ...jwk, use: 'sig', kid: thumbprint })
    },
  )

  test('keeps a kid that was given', () => {
    expect(readJwks([{ ...publicOf('EC'), kid: '2030-01' }])[0]?.['kid']).toBe('2030-01')
  })

  test.each(['EC', 'RSA', 'OKP'] as const)('refuses a private %s key without repeating it', (kind) => {
    const jwk = privateOf(kind)
    const { faults, text } = faultsOf([jwk])
    expect(faults.map(({ pointer }) => pointer)).toContain('/jwks/keys/0/d')
    expect(text).not.toContain(String(jwk['d']))
  })

  test.each([
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0' }, '/jwks/keys/0/k'],
    ['no key type', {}, '/jwks/keys/0'],
    ['a key type that is a member of every object', { kty: 'constructor' }, '/jwks/keys/0'],
    ['a key for agreement alone', { kty: 'OKP', crv: 'X25519', x: 'AA' }, '/jwks/keys/0'],
    ['a point that is not on the curve', { ...publicOf('EC'), x: publicOf('EC')['y'] }, '/jwks/keys/0'],
    ['members of the wrong type', { kty: 'RSA', n: 1, e: [] }, '/jwks/keys/0'],
    ['a symmetric algorithm', { ...publicOf('RSA'), alg: 'HS256' }, '/jwks/keys/0/alg'],
    ["another curve's algorithm", { ...publicOf('EC'), alg: 'ES512' }, '/jwks/keys/0/alg'],
    ['a key for encryption', { ...publicOf('RSA'), use: 'enc' }, '/jwks/keys/0/use'],
    ['a kid that no header can carry', { ...publicOf('RSA'), kid: 'a b' }, '/jwks/keys/0/kid'],
  ])('refuses %s', (_name, jwk, pointer) => {
    expect(faultsOf([jwk]).faults.map((fault) => fault.pointer)).toEqual([pointer])
  })

  test('refuses a short RSA key', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    expect(faultsOf([plain(publicKey.export({ format: 'jwk' }))]).faults[0]?.detail).toContain('2048')
  })

  test('refuses more than ten, none, and one twice', () => {
    const many = Array.from({ length: jwksKeysMax + 1 }, () =>
      plain(ec().publicKey.export({ format: 'jwk' })),
    )
    expect(faultsOf(many).faults[0]?.detail).toContain('11 keys')
    expect(faultsOf([]).faults[0]?.detail).toContain('0 keys')
    expect(faultsOf([publicOf('EC'), publicOf('EC')]).faults[0]?.detail).toContain('twice')
  })
})
