import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AdapterFactory, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { ClientKey } from '../client-keys/client-key.ts'
import type { Service } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import { artifactAdapter, takeAssertionId } from './artifact-adapter.ts'
import { keyLookUp } from './client-authentication.ts'
import { assertionHolder, configurationOf, type IssuerDeps, secretHolder } from './configuration.ts'
import { exchangeOf } from './exchange.ts'
import {
  copyClient,
  makeClient,
  overrideAddresses,
  overrideClients,
  overrideRefreshTokenIds,
  overrideReplayDetection,
} from './library-overrides.ts'
import { listenTo } from './outcomes.ts'
import { presentedBy } from './presented.ts'
import { publish } from './published.ts'
import { refreshTokenAdapter } from './refresh-token-adapter.ts'
import { structuredTokens } from './structured-tokens.ts'

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
  const clientOf = derived(({ id, authentication }: ClientKey) =>
    authentication.kind === 'private_key_jwt'
      ? makeClient(provider, assertionHolder(id, authentication.jwks.keys))
      : copyClient(withSecret, id),
  )
  overrideAddresses(provider)
  overrideRefreshTokenIds(provider, () => exchangeOf(contextOf()).refreshSuccessor)
  overrideReplayDetection(provider, takeAssertionId(deps, service.id))
  overrideClients(provider, {
    find: async (clientId) => {
      const ctx = contextOf()
      const key = await keys.find(clientId, presentedBy(ctx), exchangeOf(ctx))
      return key && clientOf(key)
    },
    compareSecret: (_client, presented) => {
      const exchange = exchangeOf(contextOf())
      return exchange.key !== undefined && keys.hasSecret(exchange.key, presented, exchange)
    },
  })
  listenTo(provider, deps)
  const answerStructured = structuredTokens(deps, service)
  const scopes = service.model.roles.filter((role) => role.delegable).map((role) => role.name)
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.method === 'POST') await answerStructured(ctx as KoaContextWithOIDC)
    else publish(ctx as KoaContextWithOIDC, scopes)
  })
  const handle = provider.callback()
  return { service, handle: (request, response) => handle(request, response) }
}

function adapters(deps: IssuerDeps, { id }: Service): AdapterFactory {
  return (model) =>
    model === 'RefreshToken'
      ? refreshTokenAdapter(deps, id, (successor) => {
          exchangeOf(contextOf()).refreshSuccessor = successor
        })
      : artifactAdapter(deps, id, model)
}

/** The request that the library is working on. */
function contextOf(): KoaContextWithOIDC {
  const { ctx } = Provider
  if (ctx === undefined) throw new Error('the library called a hook outside of a request')
  return ctx
}
