import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Failure } from '../failure.ts'
import { gatewayKeyLengthMin } from './gateway-key.ts'
import { type ListenAddress, openHost } from './listen-address.ts'

/**
 * The key that the gateway must send. Beyond this machine there must be one: whoever can ask the guard can have any
 * token looked at, as often as they like, and learn what it opens.
 * @throws {Failure} exit code 2
 */
export async function readGatewayKey(
  path: string | undefined,
  addresses: readonly ListenAddress[],
): Promise<string | undefined> {
  const host = openHost(addresses)
  if (path === undefined && host === undefined) return undefined
  if (path === undefined)
    throw new Failure(`at ${host} others than the gateway can ask, too`, {
      exitCode: 2,
      fix: 'listen at 127.0.0.1, or give --gateway-key-file with a key that the gateway sends in X-Latchkey-Guard',
    })
  const key = await textOf(path)
  if (key.length >= gatewayKeyLengthMin && /^[\x21-\x7e]+$/.test(key)) return key
  throw new Failure(
    `the gateway's key in ${path} is not ${gatewayKeyLengthMin} or more characters without blanks`,
    { exitCode: 2, fix: `make one: openssl rand -hex 32 > ${path}` },
  )
}

/**
 * The key that identities are signed with: several guards that share it are one to the API.
 * @throws {Failure} exit code 2
 */
export async function readIdentityKey(path: string | undefined): Promise<KeyObject | undefined> {
  if (path === undefined) return undefined
  const text = await textOf(path)
  const refused = (cause?: unknown) =>
    new Failure(`${path} holds no private key on the curve P-256`, {
      exitCode: 2,
      fix: `make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ${path}`,
      cause,
    })
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch (cause) {
    throw refused(cause)
  }
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  throw refused()
}

/** @throws {Failure} exit code 2 */
export async function textOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw new Failure(`no key can be read from ${path}`, {
      exitCode: 2,
      fix: 'name a file that holds it and nothing else',
      cause,
    })
  }
}
