import { exportJWK, generateKeyPair, type JWK } from 'jose'
import type { EpochMs } from '../clock.ts'
import type { NewId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { SigningAlgorithm, SigningKey, SigningKeyState } from './service.ts'

/** RFC 7518 §3.3 asks for 2048 at least. */
const rsaBits = 2048

interface Deps {
  readonly secrets: Secrets
  readonly newId: NewId
}

/** Makes a pair of keys; the private half leaves this function only sealed, bound to the key's id. */
export async function newSigningKey(
  deps: Deps,
  algorithm: SigningAlgorithm,
  state: SigningKeyState,
  nowMs: EpochMs,
): Promise<SigningKey> {
  const id = deps.newId('sgn')
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: rsaBits })
  const names = { kid: id, alg: algorithm, use: 'sig' }
  const privateJwk = { ...(await exportJWK(pair.privateKey)), ...names }
  return {
    id,
    algorithm,
    publicJwk: textMembers({ ...(await exportJWK(pair.publicKey)), ...names }),
    sealedPrivateJwk: deps.secrets.seal('signing-keys', id, JSON.stringify(privateJwk)),
    state,
    createdAt: nowMs,
  }
}

function textMembers(jwk: JWK): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(jwk).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  )
}

/** How long verifiers may keep a key set: `Cache-Control: max-age` of `/{service}/oauth/jwks`, in seconds. */
export const jwksCacheSeconds = 300

/** The keys to publish: all but those whose last token has ended. */
export function publishedKeys(keys: readonly SigningKey[], nowMs: EpochMs): readonly SigningKey[] {
  return keys.filter(({ state }) => state.kind !== 'retiring' || state.endsAt > nowMs)
}
