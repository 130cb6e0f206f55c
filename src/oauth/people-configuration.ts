import {
  type Adapter,
  type Client,
  type Configuration,
  type KoaContextWithOIDC,
  Provider,
  type ResourceServer,
} from 'oidc-provider'
import { endConsent } from '../consents/end-consent.ts'
import type { Service } from '../services/service.ts'
import { findAccount, personOf } from './account.ts'
import { personClaims } from './claims.ts'
import { cookieKeys, cookieNames } from './cookies.ts'
import { destroyGrant } from './destroy-grant.ts'
import { signInRoute } from './endpoints.ts'
import { exchangeOf } from './exchange.ts'
import { grantAdapter } from './grants.ts'
import { claimsByScope, identityScopes, isIdentityScope } from './identity-scopes.ts'
import { interactionPolicy, rememberedGrant } from './interaction-policy.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { beganAtOf } from './library-overrides.ts'
import { apiScopesOf } from './registration.ts'
import { interactionSeconds, sessionSeconds } from './session-life.ts'
import { scopesOpenTo } from './usable-scopes.ts'

const codeSeconds = 60
const idTokenSeconds = 900

/** What the library asks for once people come: the code flow, their sessions, accounts and consents. */
export function peopleConfiguration(deps: IssuerDeps, service: Service) {
  const { slug } = service
  return {
    scopes: Object.keys(identityScopes),
    claims: { ...claimsByScope },
    responseTypes: ['code'],
    // RFC 9700 §4.1.3: what was registered, letter by letter, and always said.
    allowOmittingSingleRegisteredRedirectUri: false,
    extraParams: ['organization', 'domain_hint', 'connection'],
    cookies: {
      keys: [...cookieKeys(deps.secrets, service.id)],
      names: cookieNames(deps.origin, slug),
      long: { httpOnly: true, sameSite: 'lax', path: '/' },
      short: { httpOnly: true, sameSite: 'lax' },
    },
    findAccount: (ctx, accountId, source) => findAccount(deps.records, accountId, signedInAt(ctx, source)),
    loadExistingGrant: (ctx) => rememberedGrant(deps, service, ctx),
    interactions: {
      policy: interactionPolicy(deps, service),
      url: (_ctx, { uid }) => `/${slug}${signInRoute}/${uid}`,
    },
  } satisfies Configuration
}

/** When the person signed in, in seconds: as the code or token has it (one for userinfo among its claims), or the session. */
function signedInAt(ctx: KoaContextWithOIDC, source: object | undefined): number | undefined {
  if (source === undefined) return ctx.oidc.session?.loginTs
  const { authTime, extra }: Moments = source
  return authTime ?? extra?.auth_time
}

interface Moments {
  readonly authTime?: number
  readonly extra?: { readonly auth_time?: number }
}

/** In seconds. */
export function peopleTtl({ clock }: IssuerDeps, service: Service) {
  return {
    AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? service.accessTokenTtlSeconds,
    AuthorizationCode: codeSeconds,
    IdToken: idTokenSeconds,
    Interaction: interactionSeconds,
    Session: (_ctx, session) => sessionSeconds(service, beganAtOf(session) ?? session.loginTs, clock()),
  } satisfies Configuration['ttl']
}

/**
 * The scopes of the one API that apps may ask people for; what else a request names is left out and told in `scope`.
 * An app which registered itself asks for no more than it has listed; an organization's own key may ask for all.
 */
export function delegatedResource(
  service: Service,
  signed: Omit<ResourceServer, 'scope'>,
  client: Client,
): ResourceServer {
  const scopes = scopesOpenTo(service, client.clientId, apiScopesOf(client))
  return { ...signed, scope: scopes.join(' ') }
}

/** Whether a code or refresh token was granted anything at the API; if not, what it buys is for userinfo alone. */
export function isForApi(scopes: ReadonlySet<string>): boolean {
  return [...scopes].some((scope) => !isIdentityScope(scope))
}

/** Claims of an access token that an app gets for a person. */
export function delegatedClaims(service: Service, ctx: KoaContextWithOIDC): Record<string, unknown> {
  const { AuthorizationCode, RefreshToken, DeviceCode } = ctx.oidc.entities
  const source = AuthorizationCode ?? RefreshToken ?? DeviceCode
  return personClaims(service, personOf(ctx), exchangeOf(ctx), source ?? {})
}

/**
 * The library's grants, which are our consents. What it destroys is one whose refresh token the app has
 * revoked (RFC 7009), or whose code or refresh token has leaked.
 */
export function consentAdapter(deps: IssuerDeps, service: Service): Adapter {
  const destroyArtifacts = destroyGrant(deps)
  return grantAdapter(deps.storedRecords, service, (consent) => {
    const { organizationId, clientId } = consent
    const { ctx } = Provider
    const requestId = ctx === undefined ? 'none' : exchangeOf(ctx).requestId
    const by = { kind: 'system', id: clientId, organizationId, requestId } as const
    const isGivenBack = ctx !== undefined && exchangeOf(ctx).endpoint === 'revocation'
    return endConsent({ ...deps, destroyArtifacts }, by, consent, isGivenBack ? 'given_back' : 'used_twice')
  })
}
