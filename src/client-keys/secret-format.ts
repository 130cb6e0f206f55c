import { crc32 } from 'node:zlib'
import type { Random } from '../clock.ts'
import { type ClientKeyId, parseId } from '../ids.ts'
import { Secret } from '../secrets/secret.ts'

export type Environment = 'live' | 'test'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const secretBytes = 32
const secretLength = 43
const checksumLength = 6
/** `lk_`, `live` or `test`, `_`, 26, `_`, 43, 6. */
const secretTextLength = 84
const pattern = /^lk_(live|test)_([0-7][0-9a-hjkmnp-tv-z]{25})_[0-9A-Za-z]{49}$/

/** What a client secret says of itself, before anything is looked up. */
export interface SecretParts {
  readonly environment: Environment
  readonly keyId: ClientKeyId
}

/** A new client secret: `lk_<env>_<id>_<secret><crc>`. Its only copy: what is kept is a sealed hash. */
export function makeSecret(keyId: ClientKeyId, environment: Environment, random: Random): Secret {
  const secret = base62(bigEndian(random(secretBytes)), secretLength)
  const text = `lk_${environment}_${keyId.slice('key_'.length)}_${secret}`
  return new Secret(text + checksum(text))
}

/** Reads a client secret. `undefined` for a wrong prefix, alphabet, length or checksum: no store is asked about those. */
export function parseSecret(text: string): SecretParts | undefined {
  if (text.length !== secretTextLength) return undefined
  const match = pattern.exec(text)
  if (match === null || checksum(text.slice(0, -checksumLength)) !== text.slice(-checksumLength))
    return undefined
  const keyId = parseId('key', `key_${match[2]}`)
  return keyId && { environment: match[1] === 'live' ? 'live' : 'test', keyId }
}

function checksum(text: string): string {
  return base62(BigInt(crc32(text)), checksumLength)
}

function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = alphabet.charAt(Number(rest % 62n)) + text
  return text
}
