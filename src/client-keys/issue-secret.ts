import type { EpochMs, Random } from '../clock.ts'
import type { ClientKeyId, NewId } from '../ids.ts'
import type { Secret } from '../secrets/secret.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { ClientSecret } from './client-key.ts'
import { type Environment, makeSecret } from './secret-format.ts'
import { hashOf } from './verify-secret.ts'

export interface SecretDeps {
  readonly newId: NewId
  readonly random: Random
  readonly secrets: Secrets
}

/** A new secret for a key: the text, which nobody sees twice, and what is kept of it. */
export function issueSecret(
  { newId, random, secrets }: SecretDeps,
  keyId: ClientKeyId,
  environment: Environment,
  nowMs: EpochMs,
): { readonly secret: Secret; readonly kept: ClientSecret } {
  const secret = makeSecret(keyId, environment, random)
  const text = secret.reveal()
  const sealedHash = secrets.seal('client-secrets', keyId, hashOf(text))
  return { secret, kept: { id: newId('sec'), sealedHash, lastFour: text.slice(-4), createdAt: nowMs } }
}
