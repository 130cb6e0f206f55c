import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { type ClientKey, isApp } from '../client-keys/client-key.ts'
import { parseId } from '../ids.ts'
import type { RegisteredApp } from '../registered-apps/registered-app.ts'
import type { Service } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import { type KeyLookUp, keyLookUp, takeClient } from './client-authentication.ts'
import { appHolder, assertionHolder, secretHolder } from './configuration.ts'
import { type Exchange, exchangeOf } from './exchange.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { type ClientHooks, copyClient, type LibraryClient, makeClient } from './library-overrides.ts'
import { presentedBy } from './presented.ts'
import { findAppOf, hasAppSecret, registeredHolder } from './registered-apps.ts'
import { fapiAuthentication, isFapi } from './security-profile.ts'
import { TooManyRequests } from './too-many-requests.ts'

/** Where a client proves who it is; elsewhere it is only named. */
const proving: ReadonlySet<Exchange['endpoint']> = new Set([
  'device-authorization',
  'introspection',
  'pushed',
  'revocation',
  'token',
])

/** The clients of one service: organizations' keys, apps that registered themselves, and documents at their address. */
export function clientsOf(deps: IssuerDeps, service: Service, provider: Provider): ClientHooks {
  const keys = keyLookUp(deps, service)
  const ofKey = keyClients(provider)
  const ofApp = derived((app: RegisteredApp) => makeClient(provider, registeredHolder(app)))
  /** What registered before the service took a profile does not come in by it. */
  const taken = (client: LibraryClient | undefined) =>
    isFapi(service) && client?.clientAuthMethod !== fapiAuthentication ? undefined : client
  return {
    find: async (clientId, ofLibrary) => {
      if (typeof clientId !== 'string') return undefined
      const ctx = Provider.ctx as KoaContextWithOIDC | undefined
      if (ctx !== undefined) takeStranger(deps, ctx)
      if (parseId('key', clientId) !== undefined) {
        const key = await findKey(keys, clientId, ctx)
        return key && ofKey(key)
      }
      if (parseId('app', clientId) === undefined) return taken(await ofLibrary(clientId))
      const app = await findAppOf(deps.records, service, clientId)
      if (app === undefined || ctx === undefined) return app && ofApp(app)
      const exchange = exchangeOf(ctx)
      if (isProving(ctx, exchange)) {
        exchange.app = app
        const spent = deps.limits.failuresOf(app.id, exchange.address)
        if (spent !== undefined) throw new TooManyRequests(spent)
      }
      return exchange.endpoint === 'registration' ? managed(provider, ctx, app) : taken(ofApp(app))
    },
    compareSecret: (_client, presented) => {
      const exchange = exchangeOf(contextOf())
      const { key, app } = exchange
      if (app === undefined) return key !== undefined && keys.hasSecret(key, presented, exchange)
      if (!hasAppSecret(deps.secrets, app, presented)) return false
      takeClient(deps.limits, exchange)
      return true
    },
  }
}

/** Whether the client that is looked for is the one that proves itself; others may be named beside it. */
function isProving(ctx: KoaContextWithOIDC, { endpoint }: Exchange): boolean {
  return proving.has(endpoint) && ctx.oidc.entities.Client === undefined
}

/** Who proves nothing may still begin what the store keeps for a while. */
function takeStranger({ limits }: IssuerDeps, ctx: KoaContextWithOIDC): void {
  const exchange = exchangeOf(ctx)
  if (exchange.endpoint !== 'pushed' && exchange.endpoint !== 'device-authorization') return
  if (!isProving(ctx, exchange) || presentedBy(ctx).kind !== 'nothing') return
  const spent = limits.takeBegun(exchange.address)
  if (spent !== undefined) throw new TooManyRequests(spent)
}

async function findKey(
  keys: KeyLookUp,
  clientId: string,
  ctx: KoaContextWithOIDC | undefined,
): Promise<ClientKey | undefined> {
  const exchange = ctx && exchangeOf(ctx)
  return ctx !== undefined && exchange !== undefined && isProving(ctx, exchange)
    ? keys.find(clientId, presentedBy(ctx), exchange)
    : keys.findNamed(clientId)
}

function keyClients(provider: Provider): (key: ClientKey) => LibraryClient {
  const withSecret = makeClient(provider, secretHolder)
  return derived((key: ClientKey) => {
    const { id, authentication } = key
    if (isApp(key)) return makeClient(provider, appHolder(key))
    return authentication.kind === 'private_key_jwt'
      ? makeClient(provider, assertionHolder(id, authentication.jwks.keys))
      : copyClient(withSecret, id)
  })
}

/**
 * A client whose own record is being read or changed (RFC 7592): the library compares the secret that comes back with the
 * one it knows, and it knows none. Whoever holds the registration access token need not prove the secret, too.
 */
function managed(provider: Provider, ctx: KoaContextWithOIDC, app: RegisteredApp): LibraryClient {
  const client = makeClient(provider, registeredHolder(app))
  if (app.sealedHash === undefined) return client
  return Object.defineProperty(client, 'clientSecret', {
    enumerable: true,
    get: () => {
      const sent = ctx.oidc.body?.['client_secret']
      return typeof sent === 'string' && sent !== '' ? sent : '-'
    },
  })
}

/** The request that the library is working on. */
export function contextOf(): KoaContextWithOIDC {
  const { ctx } = Provider
  if (ctx === undefined) throw new Error('the library called a hook outside of a request')
  return ctx
}
