import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import type { Random } from '../clock.ts'
import { sealedFormat as format, sealedSeparator as separator } from './sealed-under.ts'
import type { SecretLabel, Secrets } from './secrets.ts'

/** 32 random bytes take 43 characters in base64url, 44 in base64, 64 in hexadecimal. */
const lengthMin = 43
const differentCharactersMin = 10
const keyBytes = 32
const idBytes = 6
const nonceBytes = 12
const tagBytes = 16

interface DeploymentSecret {
  readonly id: string
  /** The key for a label: derived on first use, then kept. */
  keyFor(label: SecretLabel): KeyObject
}

/**
 * The secrets of the deployment, from which all keys are derived (RFC 5869), a label each.
 * @param raw newest first; each the text of at least 32 random bytes, as `openssl rand -base64 32` writes it
 * @throws {Error} naming the place of each secret that will not do, never its text
 */
export function deploymentSecrets(raw: readonly string[], random: Random): Secrets {
  const faults = raw.flatMap((text, i) => faultsOf(text).map((fault) => `secret ${i + 1}: ${fault}`))
  if (new Set(raw).size < raw.length) faults.push('the same secret is given twice')
  const [newest, ...older] = raw.map(deploymentSecret)
  if (newest === undefined) faults.push('none is given')
  if (newest === undefined || faults.length > 0)
    throw new Error(
      `deployment secrets refused: ${faults.join('; ')}. Make one with \`openssl rand -base64 32\` and put it first in LATCHKEY_SECRETS`,
    )
  return secretsOf([newest, ...older], random)
}

function faultsOf(text: string): readonly string[] {
  const faults: string[] = []
  if (text.length < lengthMin) faults.push(`shorter than ${lengthMin} characters (32 random bytes in base64)`)
  if (/[^!-~]/.test(text)) faults.push('has a space, or a character that is not printable ASCII')
  if (new Set(text).size < differentCharactersMin)
    faults.push('has too few different characters to be random')
  return faults
}

function deploymentSecret(text: string): DeploymentSecret {
  const derive = (info: string, length: number) => Buffer.from(hkdfSync('sha256', text, '', info, length))
  const keys = new Map<SecretLabel, KeyObject>()
  return {
    id: derive('latchkey v1 id', idBytes).toString('base64url'),
    keyFor(label) {
      const known = keys.get(label)
      if (known !== undefined) return known
      const key = createSecretKey(derive(`latchkey v1 key ${label}`, keyBytes))
      keys.set(label, key)
      return key
    },
  }
}

function secretsOf(all: readonly [DeploymentSecret, ...DeploymentSecret[]], random: Random): Secrets {
  const [newest, ...older] = all
  const byId = new Map(all.map((secret) => [secret.id, secret]))
  const hmac = (secret: DeploymentSecret, label: SecretLabel, text: string) =>
    createHmac('sha256', secret.keyFor(label)).update(text).digest('base64url')
  return {
    ids: [newest.id, ...older.map((secret) => secret.id)],
    seal: (label, boundTo, plain) => {
      const box = encrypt(newest.keyFor(label), additionalData(label, boundTo), random(nonceBytes), plain)
      return [format, newest.id, box.toString('base64url')].join(separator)
    },
    open: (label, boundTo, sealed) => {
      const [version, id, box, ...rest] = sealed.split(separator)
      if (version !== format || id === undefined || box === undefined || rest.length > 0)
        throw new Error(`a sealed value of ${boundTo} is not in the form ${format}$<secret id>$<base64url>`)
      const secret = byId.get(id)
      if (secret === undefined)
        throw new Error(
          `a value of ${boundTo} is sealed under the deployment secret ${id}, which is not given`,
        )
      return decrypt(secret.keyFor(label), additionalData(label, boundTo), box, boundTo)
    },
    digest: (label, text) => hmac(newest, label, text),
    digests: (label, text) => all.map((secret) => hmac(secret, label, text)),
  }
}

/** A label has no NUL, so that no other pair of label and id reads the same. */
function additionalData(label: SecretLabel, boundTo: string): Buffer {
  return Buffer.from(`${label}\0${boundTo}`)
}

function encrypt(key: KeyObject, bound: Buffer, nonce: Uint8Array, plain: Uint8Array | string): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(bound)
  const text = Buffer.concat([
    cipher.update(typeof plain === 'string' ? Buffer.from(plain) : plain),
    cipher.final(),
  ])
  return Buffer.concat([nonce, text, cipher.getAuthTag()])
}

function decrypt(key: KeyObject, bound: Buffer, text: string, boundTo: string): Buffer {
  const box = Buffer.from(text, 'base64url')
  if (box.length < nonceBytes + tagBytes) throw new Error(`a sealed value of ${boundTo} is cut short`)
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(bound)
  decipher.setAuthTag(box.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(box.subarray(nonceBytes, -tagBytes)), decipher.final()])
  } catch (cause) {
    throw new Error(`a sealed value of ${boundTo} does not open: the store was changed`, { cause })
  }
}
