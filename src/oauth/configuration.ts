import {
  type ClientMetadata,
  type Configuration,
  errors,
  type JWK,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider'
import type { Activity } from '../audit/activity.ts'
import type { Commit } from '../audit/record.ts'
import type { ClientKeyId, NewId } from '../ids.ts'
import type { Service, SigningKey } from '../services/service.ts'
import type { ArtifactDeps } from './artifact-adapter.ts'
import { machineClaims, tokenTtlSeconds } from './claims.ts'
import { type AuthenticationDeps, takeKey } from './client-authentication.ts'
import type { EndedTokens } from './ended-tokens.ts'
import { jwksRoute, tokenRoute } from './endpoints.ts'
import { authenticatedOf } from './exchange.ts'
import { refusedScope } from './scopes.ts'
import { tokenClientDefaults, tokenFeatures, tokenRoutes } from './token-configuration.ts'

export interface IssuerDeps extends AuthenticationDeps, ArtifactDeps {
  readonly activity: Activity
  readonly commit: Commit
  readonly newId: NewId
  readonly endedTokens: EndedTokens
  /** `https://id.example`, without a slash at its end. */
  readonly origin: string
  /** Told of faults of ours: what the caller sees as `server_error`. */
  readonly onFault: (cause: unknown, requestId: string) => void
}

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

/** An assertion may be valid for this long at most: its `jti` is kept until then. */
export const assertionLifeSecondsMax = 3600

const off = { enabled: false } as const

export function configurationOf(deps: IssuerDeps, service: Service): Configuration {
  return {
    jwks: { keys: service.signingKeys.map((key) => privateJwk(deps, key)) },
    routes: { token: tokenRoute, jwks: jwksRoute, ...tokenRoutes },
    scopes: [],
    claims: {},
    responseTypes: [],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    clientDefaults: {
      grant_types: ['client_credentials'],
      response_types: [],
      id_token_signed_response_alg: service.signingAlgorithm,
      ...tokenClientDefaults(service),
    },
    enabledJWA: {
      clientAuthSigningAlgValues: [...asymmetric],
      dPoPSigningAlgValues: [...asymmetric],
      idTokenSigningAlgValues: [...asymmetric],
    },
    assertJwtClientAuthClaimsAndHeader: (ctx, claims) => {
      const { exp } = claims
      if (typeof exp !== 'number' || exp > deps.clock() / 1000 + assertionLifeSecondsMax)
        throw new errors.InvalidClientAuth('the client assertion is valid for too long')
      takeKey(deps.limits, authenticatedOf(ctx).key)
    },
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => service.audience,
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => resourceServer(deps, service, ctx, resource),
      },
      devInteractions: off,
      pushedAuthorizationRequests: off,
      ...tokenFeatures(deps, service),
      rpInitiatedLogout: off,
      userinfo: off,
    },
    extraTokenClaims: (ctx) => machineClaims(authenticatedOf(ctx)),
    ttl: {
      ClientCredentials: (_ctx, token) =>
        token.resourceServer?.accessTokenTTL ?? service.accessTokenTtlSeconds,
    },
    clientBasedCORS: () => false,
    // The library would answer a browser's `Accept` with a page; RFC 6749 §5.2 knows only JSON.
    renderError: (ctx, out) => {
      ctx.body = out
    },
  }
}

const machine: ClientMetadata = {
  client_id: 'any',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
}

/** What the library must know of each key that has a secret, its id aside. */
export const secretHolder: ClientMetadata = {
  ...machine,
  token_endpoint_auth_method: 'client_secret_basic',
  // A placeholder: `compareClientSecret` looks at the sealed hashes.
  client_secret: '-',
}

/** What the library must know of a key that signs assertions, and nothing that changes often. */
export function assertionHolder(id: ClientKeyId, keys: readonly Readonly<JWK>[]): ClientMetadata {
  return {
    ...machine,
    client_id: id,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: keys.map((jwk) => ({ ...jwk })) },
  }
}

/** The one API whose tokens this issuer makes. Asked for once a request, when the client has authenticated. */
async function resourceServer(
  deps: IssuerDeps,
  service: Service,
  ctx: KoaContextWithOIDC,
  resource: string,
): Promise<ResourceServer> {
  // RFC 8707 §2 lets it be repeated; there is one API here, and a repetition is a mistake.
  if (resource !== service.audience || Array.isArray(ctx.oidc.params?.['resource']))
    throw new errors.InvalidTarget()
  const authenticated = authenticatedOf(ctx)
  const { key } = authenticated
  const scopes = ctx.oidc.requestParamScopes
  // Never a quiet narrowing: a scope left out would leave a token for the whole role.
  const refused =
    scopes.size === 0 ? undefined : await refusedScope(deps.records, service, authenticated, scopes)
  if (refused !== undefined) throw new errors.InvalidScope('this key may not ask for that scope', refused)
  const active = service.signingKeys.find((signing) => signing.state.kind === 'active')
  if (active === undefined) throw new Error(`the service ${service.slug} has no active signing key`)
  return {
    scope: [...scopes].join(' '),
    audience: service.audience,
    accessTokenTTL: tokenTtlSeconds(service, key, deps.clock()),
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: active.algorithm, kid: active.id } },
  }
}

function privateJwk(deps: IssuerDeps, key: SigningKey): JWK {
  const opened = deps.secrets.open('signing-keys', key.id, key.sealedPrivateJwk)
  // Sealed by us when the key was made, and authenticated since.
  const jwk = JSON.parse(opened.toString()) as JWK
  return { ...jwk, kid: key.id, alg: key.algorithm, use: 'sig' }
}
