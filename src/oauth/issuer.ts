import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AdapterFactory, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { type ClientKey, isApp } from '../client-keys/client-key.ts'
import type { Service } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import { artifactAdapter, takeAssertionId } from './artifact-adapter.ts'
import { keyLookUp } from './client-authentication.ts'
import { appHolder, assertionHolder, configurationOf, secretHolder } from './configuration.ts'
import { trustOrigin } from './cookies.ts'
import { exchangeOf } from './exchange.ts'
import { identityScopes } from './identity-scopes.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import {
  copyClient,
  makeClient,
  overrideAddresses,
  overrideClients,
  overrideRefreshTokenIds,
  overrideReplayDetection,
} from './library-overrides.ts'
import { answerLogo } from './logo.ts'
import { listenTo } from './outcomes.ts'
import { consentAdapter } from './people-configuration.ts'
import { presentedBy } from './presented.ts'
import { publish } from './published.ts'
import { refreshTokenAdapter } from './refresh-token-adapter.ts'
import { sessionAdapter } from './sessions.ts'
import { signInPages } from './sign-in/pages-app.ts'
import { structuredTokens } from './structured-tokens.ts'
import { delegableScopes } from './usable-scopes.ts'

/** One service's authorization server, made from one version of its record. */
export interface Issuer {
  readonly service: Service
  /** Answers a request whose `url` is one of the library's routes. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
}

export function makeIssuer(deps: IssuerDeps, service: Service): Issuer {
  const provider = new Provider(`${deps.origin}/${service.slug}`, {
    ...configurationOf(deps, service),
    adapter: adapters(deps, service),
  })
  const keys = keyLookUp(deps, service)
  const withSecret = makeClient(provider, secretHolder)
  const clientOf = derived((key: ClientKey) => {
    const { id, authentication } = key
    if (isApp(key)) return makeClient(provider, appHolder(key))
    return authentication.kind === 'private_key_jwt'
      ? makeClient(provider, assertionHolder(id, authentication.jwks.keys))
      : copyClient(withSecret, id)
  })
  overrideAddresses(provider)
  overrideRefreshTokenIds(provider, () => exchangeOf(contextOf()).refreshSuccessor)
  trustOrigin(provider, deps.origin)
  overrideReplayDetection(provider, takeAssertionId(deps, service.id))
  overrideClients(provider, {
    find: async (clientId) => {
      const ctx = contextOf()
      const exchange = exchangeOf(ctx)
      const key =
        exchange.endpoint === 'authorization'
          ? await keys.findNamed(clientId)
          : await keys.find(clientId, presentedBy(ctx), exchange)
      return key && clientOf(key)
    },
    compareSecret: (_client, presented) => {
      const exchange = exchangeOf(contextOf())
      return exchange.key !== undefined && keys.hasSecret(exchange.key, presented, exchange)
    },
  })
  listenTo(provider, deps)
  const answerStructured = structuredTokens(deps, service)
  const scopes = [...Object.keys(identityScopes), ...delegableScopes(service)]
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.method === 'POST') await answerStructured(ctx as KoaContextWithOIDC)
    else publish(ctx as KoaContextWithOIDC, scopes)
  })
  const handle = provider.callback()
  const pages = signInPages(deps, service, provider)
  return {
    service,
    handle: async (request, response) => {
      const { endpoint } = exchangeOf({ req: request })
      if (endpoint === 'sign-in') await pages(request, response)
      else if (endpoint === 'logo') answerLogo(service, request, response)
      else await handle(request, response)
    },
  }
}

function adapters(deps: IssuerDeps, service: Service): AdapterFactory {
  const { id } = service
  return (model) => {
    switch (model) {
      case 'Grant':
        return consentAdapter(deps, service)
      case 'RefreshToken':
        return refreshTokenAdapter(deps, id, (successor) => {
          exchangeOf(contextOf()).refreshSuccessor = successor
        })
      case 'Session':
        return sessionAdapter(deps, id, () => Provider.ctx?.get('user-agent'))
      default:
        return artifactAdapter(deps, id, model)
    }
  }
}

/** The request that the library is working on. */
function contextOf(): KoaContextWithOIDC {
  const { ctx } = Provider
  if (ctx === undefined) throw new Error('the library called a hook outside of a request')
  return ctx
}
