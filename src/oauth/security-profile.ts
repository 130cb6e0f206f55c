import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'

// Never a symmetric algorithm: it would sign with the placeholder that stands for the secret.
const asymmetric = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
] as const
/** FAPI 2.0 Security Profile §5.4.1; Ed25519 is what RFC 9864 calls EdDSA over that curve. */
const ofFapi = ['ES256', 'EdDSA', 'Ed25519', 'PS256'] as const

/** Whether the service holds everybody to the FAPI 2.0 Security Profile. */
export function isFapi(service: Service): boolean {
  return signInOf(service).securityProfile === 'fapi_2_0'
}

/** What may sign: tokens, assertions of clients, and proofs of possession. */
export function signatureAlgorithms(service: Service): readonly (typeof asymmetric)[number][] {
  return isFapi(service) ? ofFapi : asymmetric
}

/** How clients prove themselves where they get tokens, under the profile (§5.3.2.1); guards still introspect with a secret. */
export const fapiAuthentication = 'private_key_jwt'

/** In seconds: an assertion is kept until it ends, so that it is taken once. */
export const assertionLifeSecondsMax = 3600
/** In seconds; FAPI 2.0 §5.3.2.1 has up to 10 accepted, and more than 60 refused. */
const aheadSecondsMax = 60

/** Why a client's assertion is not taken, though its signature is good; `undefined`: it is. Times in seconds. */
export function assertionFault(
  service: Service,
  { aud, exp, iat }: Readonly<Record<string, unknown>>,
  { issuer, now }: { readonly issuer: string; readonly now: number },
): string | undefined {
  if (typeof exp !== 'number' || exp > now + assertionLifeSecondsMax)
    return 'the client assertion is valid for too long'
  if (typeof iat === 'number' && iat > now + aheadSecondsMax) return 'the client assertion is of the future'
  // One that names another endpoint, or several, can be used where it was not meant for.
  return isFapi(service) && aud !== issuer ? 'aud must be the issuer, and nothing else' : undefined
}
