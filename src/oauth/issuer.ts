import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AdapterFactory, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Service } from '../services/service.ts'
import { accessTokenAdapter } from './access-token-adapter.ts'
import { artifactAdapter, takeAssertionId } from './artifact-adapter.ts'
import { setBrowserHeaders } from './browser-headers.ts'
import { clientsOf, contextOf } from './clients.ts'
import { configurationOf } from './configuration.ts'
import { trustOrigin } from './cookies.ts'
import { exchangeOf } from './exchange.ts'
import { identityScopes } from './identity-scopes.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import {
  keepGrantsAtLogout,
  overrideAddresses,
  overrideBackchannelLogout,
  overrideClients,
  overrideRefreshTokenIds,
  overrideReplayDetection,
  overrideResourceNames,
  overrideSessions,
  saveNoLateSessions,
  type UpstreamSession,
} from './library-overrides.ts'
import { answerLogo } from './logo.ts'
import { finishLogout } from './logout-pages.ts'
import { answerNotFound, listenTo } from './outcomes.ts'
import { answerOtherSite, isOwnForm } from './own-forms.ts'
import { consentAdapter } from './people-configuration.ts'
import { presentRegistration } from './present-registration.ts'
import { publish } from './published.ts'
import { refreshTokenAdapter } from './refresh-token-adapter.ts'
import { initialAccessTokenAdapter, registeredAppAdapter } from './registered-apps.ts'
import { resourceNames } from './resource-names.ts'
import { isFapi } from './security-profile.ts'
import { sessionAdapter } from './sessions.ts'
import { isOfOtherSite } from './sign-in/form.ts'
import { signInPages } from './sign-in/pages-app.ts'
import { forget } from './sign-in/remembered.ts'
import { structuredTokens } from './structured-tokens.ts'
import { tellApp, tellClient } from './tell-app.ts'
import { registerTokenExchange } from './token-exchange.ts'
import { delegableScopes } from './usable-scopes.ts'

/** One service's authorization server, made from one version of its record. */
export interface Issuer {
  readonly service: Service
  /** Answers a request whose `url` is one of the library's routes. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Tells an app that somebody has signed out of a session, or altogether, if it wants to know. */
  tellApp(accountId: string, told: Parameters<typeof tellApp>[3]): Promise<void>
}

export function makeIssuer(deps: IssuerDeps, service: Service): Issuer {
  const provider = new Provider(`${deps.origin}/${service.slug}`, {
    ...configurationOf(deps, service),
    adapter: adapters(deps, service),
  })
  registerTokenExchange(deps, service, provider)
  overrideAddresses(provider)
  overrideResourceNames(provider, resourceNames(service))
  overrideRefreshTokenIds(provider, () => exchangeOf(contextOf()).refreshSuccessor)
  trustOrigin(provider, deps.origin)
  keepGrantsAtLogout(provider, () => exchangeOf(contextOf()).endpoint === 'logout')
  saveNoLateSessions(provider)
  overrideSessions(provider, deps.clock, () => upstreamOfSignIn(Provider.ctx))
  overrideReplayDetection(provider, takeAssertionId(deps, service.id))
  overrideClients(provider, clientsOf(deps, service, provider))
  overrideBackchannelLogout(provider, (...told) => tellClient(deps, provider, ...told))
  listenTo(provider, deps)
  provider.on('end_session.success', (ctx) => forget({ deps, service }, ctx))
  const answerStructured = structuredTokens(deps, service)
  const scopes = [...Object.keys(identityScopes), ...delegableScopes(service)]
  provider.use(async (ctx, next) => {
    const { endpoint } = exchangeOf(ctx)
    setBrowserHeaders(ctx, endpoint)
    if (isOwnForm(ctx) && isOfOtherSite(ctx, deps.origin)) {
      answerOtherSite(service, ctx)
      return
    }
    await next()
    const done = ctx as KoaContextWithOIDC
    // The library has no such route: what is switched off, or a path below one of its own.
    if (done.oidc === undefined) answerNotFound(done)
    else if (endpoint === 'revocation' || endpoint === 'introspection') await answerStructured(done)
    else if (endpoint === 'registration') presentRegistration(done)
    else if (endpoint === 'logout') await finishLogout(deps, service, done)
    else if (endpoint === 'jwks' || endpoint === 'discovery') publish(done, scopes, isFapi(service))
  })
  const handle = provider.callback()
  const pages = signInPages(deps, service, provider)
  return {
    service,
    tellApp: (accountId, told) => tellApp(deps, provider, accountId, told),
    handle: async (request, response) => {
      const { endpoint } = exchangeOf({ req: request })
      if (endpoint === 'sign-in') await pages(request, response)
      else if (endpoint === 'logo') answerLogo(service, request, response)
      else await handle(request, response)
    },
  }
}

/** What the sign-in that is being finished says of the provider; put there by `completeSignIn` alone. */
function upstreamOfSignIn(ctx: KoaContextWithOIDC | undefined): UpstreamSession | undefined {
  return ctx?.oidc.entities.Interaction?.result?.login?.['upstream'] as UpstreamSession | undefined
}

function adapters(deps: IssuerDeps, service: Service): AdapterFactory {
  const { id } = service
  return (model) => {
    switch (model) {
      case 'AccessToken':
        return accessTokenAdapter(deps, id)
      case 'AuthorizationCode':
      case 'DeviceCode':
        return artifactAdapter(deps, id, model, async (grantId) => {
          await consentAdapter(deps, service).destroy(grantId)
        })
      case 'Grant':
        return consentAdapter(deps, service)
      case 'RefreshToken':
        return refreshTokenAdapter(deps, id, (successor) => {
          exchangeOf(contextOf()).refreshSuccessor = successor
        })
      case 'Session':
        return sessionAdapter(deps, id, () => Provider.ctx?.get('user-agent'))
      case 'Client':
        return registeredAppAdapter(deps, service, () => exchangeOf(contextOf()))
      case 'InitialAccessToken':
        return initialAccessTokenAdapter(deps, service)
      default:
        return artifactAdapter(deps, id, model)
    }
  }
}
