import { createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Clock, EpochMs } from '../../clock.ts'
import type { VerifiedCaller } from '../../sdk/index.ts'
import { headerText } from './header-text.ts'

/** Who called, for the API behind the gateway: a JWT that nobody takes for an access token. */
export interface Identities {
  /** A set of one public key (RFC 7517 §5), by which the API verifies them. */
  readonly jwks: { readonly keys: readonly JWK[] }
  /** The headers that tell it (name, value, …): at once, if the caller was seen a moment ago. */
  now(caller: VerifiedCaller): readonly string[] | undefined
  make(caller: VerifiedCaller): Promise<readonly string[]>
}

/** RFC 8725 §3.11: a type of its own. Verifiers of access tokens ask for `at+jwt`, and never know this key. */
const identityType = 'latchkey-identity+jwt'

const lifeSeconds = 60
/** It is handed on so long, so that the API has the other half of its life to read it. */
const reusedMs = 30_000

/** What of the access token is told. Not `ver`, `jti` or `cnf`: the identity is no token of the caller's. */
const toldClaims = [
  ...['sub', 'client_id', 'org_id', 'roles', 'scope', 'tags', 'env'],
  ...['act', 'auth_time', 'acr', 'amr'],
]

interface Made {
  readonly headers: readonly string[]
  readonly until: EpochMs
}

function namesOf({ id, clientId, organizationId }: VerifiedCaller): readonly string[] {
  return [
    ...['x-latchkey-subject', headerText(id), 'x-latchkey-client', headerText(clientId)],
    ...['x-latchkey-organization', headerText(organizationId)],
  ]
}

/** The issuer that an API expects of the guards of a service. */
function identityIssuer(service: string): string {
  return `urn:latchkey:guard:${service}`
}

/** @param own shared by several guards; without one, a key that lives as long as the process */
export async function identitiesOf(service: string, clock: Clock, own?: KeyObject): Promise<Identities> {
  const { publicKey, privateKey } =
    own === undefined ? await generateKeyPair('ES256') : { publicKey: createPublicKey(own), privateKey: own }
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const header = { alg: 'ES256', typ: identityType, kid }
  const made = new WeakMap<VerifiedCaller, Made>()
  return {
    jwks: { keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }] },
    now(caller) {
      const known = made.get(caller)
      return known !== undefined && clock() < known.until ? known.headers : undefined
    },
    async make(caller) {
      const now = clock()
      const iat = Math.floor(now / 1000)
      // Never longer than the token that it was made from.
      const exp = Math.min(iat + lifeSeconds, Math.floor(caller.expiresAt / 1000))
      const told = Object.entries(caller.claims).filter(([name]) => toldClaims.includes(name))
      const claims = { ...Object.fromEntries(told), iss: identityIssuer(service), aud: audienceOf(caller) }
      const text = await new SignJWT({ ...claims, iat, exp }).setProtectedHeader(header).sign(privateKey)
      const headers = [...namesOf(caller), 'x-latchkey-identity', text]
      made.set(caller, { headers, until: Math.min(now + reusedMs, caller.expiresAt) })
      return headers
    },
  }
}

/** The token's: the guard has verified that the service's is in it. */
function audienceOf({ claims }: VerifiedCaller): string | string[] {
  const { aud } = claims
  if (typeof aud === 'string') return aud
  return Array.isArray(aud) ? aud.filter((one) => typeof one === 'string') : []
}
