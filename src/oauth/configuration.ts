import {
  type Client,
  type ClientMetadata,
  type Configuration,
  errors,
  type JWK,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider'
import type { Authentication, ClientKey } from '../client-keys/client-key.ts'
import type { ClientKeyId } from '../ids.ts'
import type { Service, SigningKey } from '../services/service.ts'
import { assumedClaims, machineClaims } from './claims.ts'
import { takeClient } from './client-authentication.ts'
import { authorizationRoute, jwksRoute, tokenRoute } from './endpoints.ts'
import { errorPages } from './error-page.ts'
import { authenticatedOf, exchangeOf } from './exchange.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import {
  delegatedClaims,
  delegatedResource,
  isForApi,
  peopleConfiguration,
  peopleTtl,
} from './people-configuration.ts'
import { extraClientMetadata } from './registration.ts'
import { refusedScope } from './scopes.ts'
import { assertionFault, isFapi, signatureAlgorithms } from './security-profile.ts'
import { signedResource } from './signed-resource.ts'
import {
  tokenClientDefaults,
  tokenConfiguration,
  tokenFeatures,
  tokenRoutes,
  tokenTtl,
} from './token-configuration.ts'
import { tokenExchangeGrant } from './token-exchange.ts'

const off = { enabled: false } as const

export function configurationOf(deps: IssuerDeps, service: Service): Configuration {
  const algorithms = signatureAlgorithms(service)
  return {
    jwks: { keys: service.signingKeys.map((key) => privateJwk(deps, key)) },
    routes: { authorization: authorizationRoute, token: tokenRoute, jwks: jwksRoute, ...tokenRoutes },
    ...peopleConfiguration(deps, service),
    ...tokenConfiguration(deps, service),
    extraClientMetadata: extraClientMetadata(service),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clientDefaults: {
      id_token_signed_response_alg: service.signingAlgorithm,
      ...tokenClientDefaults(service),
    },
    enabledJWA: {
      clientAuthSigningAlgValues: [...algorithms],
      dPoPSigningAlgValues: [...algorithms],
      idTokenSigningAlgValues: [...algorithms],
      userinfoSigningAlgValues: [...algorithms],
    },
    assertJwtClientAuthClaimsAndHeader: (ctx, claims) => {
      const { issuer } = ctx.oidc.provider
      const fault = assertionFault(service, claims, { issuer, now: deps.clock() / 1000 })
      if (fault !== undefined) throw new errors.InvalidClientAuth(fault)
      takeClient(deps.limits, exchangeOf(ctx))
    },
    features: {
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => service.audience,
        useGrantedResource: (_ctx, model) => isForApi(model.scopes),
        getResourceServerInfo: (ctx, resource, client) =>
          resourceServer(deps, service, ctx, { resource, client }),
      },
      devInteractions: off,
      ...(isFapi(service) && { fapi: { enabled: true, profile: '2.0' } }),
      ...tokenFeatures(deps, service),
    },
    extraTokenClaims: (ctx, token) => extraClaims(service, ctx, token.kind),
    ttl: {
      ...peopleTtl(deps, service),
      ...tokenTtl(service),
      ClientCredentials: (_ctx, token) =>
        token.resourceServer?.accessTokenTTL ?? service.accessTokenTtlSeconds,
    },
    renderError: errorPages(service),
  }
}

function extraClaims(service: Service, ctx: KoaContextWithOIDC, kind: string): Record<string, unknown> {
  const { assuming } = exchangeOf(ctx)
  if (assuming !== undefined) return assumedClaims(assuming)
  return kind === 'ClientCredentials' ? machineClaims(authenticatedOf(ctx)) : delegatedClaims(service, ctx)
}

const machine: ClientMetadata = {
  client_id: 'any',
  grant_types: ['client_credentials', tokenExchangeGrant],
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

/** What the library must know of a key that acts for people: where they come back to. */
export function appHolder(key: ClientKey): ClientMetadata {
  const {
    id,
    name,
    applicationType = 'web',
    redirectUris = [],
    postLogoutRedirectUris,
    authentication,
    backchannelLogoutUri,
  } = key
  return {
    ...provedBy(id, authentication),
    client_id: id,
    client_name: name,
    application_type: applicationType,
    redirect_uris: [...redirectUris],
    response_types: redirectUris.length > 0 ? ['code'] : [],
    grant_types: grantTypes(key),
    ...(postLogoutRedirectUris && { post_logout_redirect_uris: [...postLogoutRedirectUris] }),
    ...(backchannelLogoutUri !== undefined && {
      backchannel_logout_uri: backchannelLogoutUri,
      // Its ID tokens name the session then.
      backchannel_logout_session_required: true,
    }),
  }
}

function provedBy(id: ClientKeyId, authentication: Authentication): ClientMetadata {
  switch (authentication.kind) {
    case 'secret':
      return secretHolder
    case 'private_key_jwt':
      return assertionHolder(id, authentication.jwks.keys)
    case 'none':
      return { ...machine, token_endpoint_auth_method: 'none' }
    default:
      throw new Error(`unknown authentication: ${authentication satisfies never}`)
  }
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

function grantTypes({ redirectUris = [], authentication }: ClientKey): string[] {
  return [
    ...(redirectUris.length > 0 ? ['authorization_code', 'refresh_token', deviceGrant] : []),
    // What cannot prove itself is no machine.
    ...(authentication.kind === 'none' ? [] : ['client_credentials']),
    // Of a public client it is refused as what it is: not authorized to.
    tokenExchangeGrant,
  ]
}

/** The one API whose tokens this issuer makes. Asked for once a request, when the client has authenticated. */
async function resourceServer(
  deps: IssuerDeps,
  service: Service,
  ctx: KoaContextWithOIDC,
  { resource, client }: { readonly resource: string; readonly client: Client },
): Promise<ResourceServer> {
  // RFC 8707 §2 lets it be repeated; there is one API here, and a repetition is a mistake.
  if (resource !== service.audience || Array.isArray(ctx.oidc.params?.['resource']))
    throw new errors.InvalidTarget()
  if (ctx.oidc.params?.['grant_type'] !== 'client_credentials')
    return delegatedResource(
      service,
      signedResource(deps, service, exchangeOf(ctx).authenticated?.key),
      client,
    )
  const authenticated = authenticatedOf(ctx)
  const scopes = ctx.oidc.requestParamScopes
  // Never a quiet narrowing: a scope left out would leave a token for the whole role.
  const refused =
    scopes.size === 0
      ? undefined
      : await refusedScope(
          deps.records,
          service,
          { ...authenticated, role: authenticated.role ?? authenticated.key.role },
          scopes,
        )
  if (refused !== undefined) throw new errors.InvalidScope('this key may not ask for that scope', refused)
  return { ...signedResource(deps, service, authenticated.key), scope: [...scopes].join(' ') }
}

function privateJwk(deps: IssuerDeps, key: SigningKey): JWK {
  const opened = deps.secrets.open('signing-keys', key.id, key.sealedPrivateJwk)
  // Sealed by us when the key was made, and authenticated since.
  const jwk = JSON.parse(opened.toString()) as JWK
  return { ...jwk, kid: key.id, alg: key.algorithm, use: 'sig' }
}
