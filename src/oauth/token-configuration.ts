import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider'
import type { Service } from '../services/service.ts'
import { type SignInSettings, signInOf } from '../services/sign-in.ts'
import { isGuardOf } from './client-authentication.ts'
import { deviceFlow } from './device-pages.ts'
import {
  deviceAuthorizationRoute,
  deviceRoute,
  introspectionRoute,
  logoutRoute,
  pushedRoute,
  registrationRoute,
  revocationRoute,
  userinfoRoute,
} from './endpoints.ts'
import { exchangeOf } from './exchange.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { rpInitiatedLogout } from './logout-pages.ts'
import { registration } from './registration.ts'
import { isFapi } from './security-profile.ts'

export const tokenRoutes = {
  code_verification: deviceRoute,
  device_authorization: deviceAuthorizationRoute,
  end_session: logoutRoute,
  introspection: introspectionRoute,
  pushed_authorization_request: pushedRoute,
  registration: registrationRoute,
  revocation: revocationRoute,
  userinfo: userinfoRoute,
}

const deviceCodeSeconds = 600

/** In seconds. */
export function tokenTtl(service: Service) {
  return {
    DeviceCode: deviceCodeSeconds,
    RefreshToken: signInOf(service).refreshTokenSeconds,
  } satisfies Configuration['ttl']
}

/** How tokens are given and taken back, beyond the features. */
export function tokenConfiguration(deps: IssuerDeps, service: Service) {
  const settings = signInOf(service)
  return {
    acrValues: [...settings.acrValues],
    pkce: { required: (ctx, client) => needsPkce(settings, ctx, client) },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // What a person uses in a browser ends with the sign-in there, unless they let it go on; what runs on a machine of
    // theirs does not.
    expiresWithSession: async (ctx, code) =>
      ctx.oidc.client?.applicationType === 'web' &&
      code.kind !== 'DeviceCode' &&
      !code.scopes.has('offline_access'),
    // FAPI 2.0 §5.3.2.1: not rotated; there the token is of use to the one client that can prove itself.
    rotateRefreshToken: !isFapi(service),
    // Signing out is no taking back of a consent; and RFC 7009 §2.1 asks nothing of the kind for an access token.
    revokeGrantPolicy: (ctx) =>
      exchangeOf(ctx).endpoint !== 'logout' &&
      !(exchangeOf(ctx).endpoint === 'revocation' && ctx.oidc.entities.AccessToken !== undefined),
    // RFC 9700 §2.1: a page of the app may call from where the app lives, and from nowhere else.
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    fetch: deps.outgoing,
    fetchResponseBodyLimits: { jwks_uri: jwksBytesMax },
  } satisfies Configuration
}

const jwksBytesMax = 64 * 1024

/** RFC 9700 §2.1.1: always, unless the service lets off who authenticates and sends a `nonce`. */
function needsPkce(settings: SignInSettings, ctx: KoaContextWithOIDC, client: Client): boolean {
  if (settings.conformanceExemptPkceClientIds.includes(client.clientId)) return false
  const isLetOff = client.clientAuthMethod !== 'none' && ctx.oidc.params?.['nonce'] !== undefined
  return settings.pkce === 'required' || !isLetOff
}

/** Metadata of clients that do not say otherwise. */
export function tokenClientDefaults(service: Service) {
  return {
    // Of apps that register themselves; keys always say what they may do.
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    dpop_bound_access_tokens: signInOf(service).requireDpop,
  } satisfies Configuration['clientDefaults']
}

type Features = NonNullable<Configuration['features']>

/** What is done with tokens once they are issued. */
export function tokenFeatures(deps: IssuerDeps, service: Service) {
  const { secrets } = deps
  return {
    backchannelLogout: { enabled: true },
    deviceFlow: deviceFlow(deps, service),
    dPoP: {
      enabled: true,
      // A nonce is offered, and taken in place of a time that is too far from ours (RFC 9449 §8).
      nonceSecret: Buffer.from(secrets.digest('nonces', service.id), 'base64url'),
      requireNonce: () => false,
    },
    introspection: {
      enabled: true,
      allowedPolicy: async (ctx, client, token) => {
        const { authenticated } = exchangeOf(ctx)
        const isGuard = authenticated !== undefined && isGuardOf(service, authenticated.key)
        if (token.clientId === client.clientId) return true
        // What its client may no longer use is no longer good.
        return isGuard && (await ctx.oidc.provider.Client.find(token.clientId ?? '')) !== undefined
      },
    },
    pushedAuthorizationRequests: {
      enabled: true,
      requirePushedAuthorizationRequests: signInOf(service).requirePushedRequests,
      allowUnregisteredRedirectUris: false,
    },
    // RFC 7009 §2.2: another's token is answered as one that never was.
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    rpInitiatedLogout: rpInitiatedLogout(deps, service),
    userinfo: { enabled: true },
    jwtUserinfo: { enabled: true },
    ...registration(deps, service),
  } satisfies Features
}
