import { type CompiledModel, compileModel } from '../evaluator/compile-model.ts'
import type { Bundle } from './bundle.ts'

/** What of a bundle changes only with the service itself. */
export type ServiceBundle = Pick<Bundle, 'service' | 'model' | 'signing_keys'>

/** The public half of a signing key. */
export interface VerificationKey {
  readonly kid: string
  readonly jwk: Readonly<Record<string, unknown>>
  /** Tells two keys of one `kid` apart. */
  readonly fingerprint: string
}

/** A service's bundle made ready to verify and decide by. */
export interface CompiledBundle {
  readonly service: Bundle['service']
  readonly model: CompiledModel
  readonly keys: ReadonlyMap<string, VerificationKey>
}

/** @throws {DomainError} `document_refused` as `compileModel` does */
export function compileBundle(bundle: ServiceBundle): CompiledBundle {
  const keys = new Map<string, VerificationKey>()
  for (const jwk of bundle.signing_keys.keys) {
    const { kid } = jwk
    // RFC 7517 §4.2: a key for encryption signs nothing.
    if (typeof kid !== 'string' || (jwk['use'] ?? 'sig') !== 'sig') continue
    const fingerprint = JSON.stringify(Object.entries(jwk).sort())
    keys.set(kid, { kid, jwk, fingerprint })
  }
  return { service: bundle.service, model: compileModel(bundle.model), keys }
}
