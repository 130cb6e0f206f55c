import { type Client, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { isLoopbackUri } from '../client-keys/redirect-uris.ts'
import { parseId } from '../ids.ts'
import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'
import { appMetadataFault } from './app-metadata.ts'
import { exchangeOf } from './exchange.ts'
import { identityScopes } from './identity-scopes.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { fapiAuthentication, isFapi } from './security-profile.ts'
import { TooManyRequests } from './too-many-requests.ts'
import { delegableScopes } from './usable-scopes.ts'

type Features = NonNullable<Configuration['features']>

const secretBytes = 32
/** What a document may say of how long it is good. */
const documentCacheSeconds = { min: 300, max: 86_400 }

/** Apps that bring themselves: dynamic registration (RFC 7591, 7592) and client ID metadata documents. */
export function registration(deps: IssuerDeps, service: Service) {
  const settings = signInOf(service)
  return {
    registration: {
      enabled: settings.registration !== 'off',
      initialAccessToken: settings.registration === 'initial_access_token',
      idFactory: () => deps.newId('app'),
      secretFactory: () => `lka_${Buffer.from(deps.random(secretBytes)).toString('base64url')}`,
      issueRegistrationAccessToken: true,
    },
    registrationManagement: {
      enabled: settings.registration !== 'off',
      rotateRegistrationAccessToken: true,
    },
    clientIdMetadataDocument: {
      enabled: settings.clientIdMetadataDocuments,
      ack: 'draft-02',
      cacheDuration: documentCacheSeconds,
      allowFetch: async (ctx: KoaContextWithOIDC | undefined) => {
        // Our own pages ask for what the request before them has fetched.
        if (ctx === undefined) return true
        const spent = deps.limits.takeRegistration(exchangeOf(ctx).address)
        if (spent !== undefined) throw new TooManyRequests(spent)
        return true
      },
    },
  } satisfies Features
}

/** The scopes of the API that an app may ask for; the library looks after those about the person. */
export const apiScopesMember = 'latchkey_api_scopes'

/** The scopes of the API that the app has listed; `undefined`: it is an organization's key, which may ask for all. */
export function apiScopesOf(client: Client): readonly string[] | undefined {
  const listed = client[apiScopesMember]
  return typeof listed === 'string' ? listed.split(' ') : undefined
}

/**
 * Holds apps that bring themselves to our rules, on every path: registration, update, and documents, whose fetch knows no
 * request. Scopes are told apart here: to the library those of the API are the resource's, and none of its own.
 */
export function extraClientMetadata(service: Service) {
  const identity = Object.keys(identityScopes)
  const delegable = delegableScopes(service)
  return {
    properties: [apiScopesMember],
    validator: (_ctx, _name, _value, metadata) => {
      if (parseId('key', metadata.client_id) !== undefined || metadata.client_id === 'any') return
      const isNew = metadata[apiScopesMember] === undefined
      const fault = appMetadataFault(metadata, service)
      // The library makes it `invalid_redirect_uri` (RFC 7591 §3.2.2) where it begins with that member's name.
      if (fault !== undefined) throw new errors.InvalidClientMetadata(fault)
      if (isFapi(service) && isNew && metadata.token_endpoint_auth_method !== fapiAuthentication)
        throw new errors.InvalidClientMetadata(
          `token_endpoint_auth_method must be ${fapiAuthentication} here`,
        )
      // An app cannot take itself out of what holds for all.
      if (signInOf(service).requireDpop) metadata.dpop_bound_access_tokens = true
      if (isOnOwnMachine(metadata.redirect_uris)) metadata.application_type = 'native'
      const kept = metadata[apiScopesMember]
      const asked = [metadata.scope, kept].filter((text) => typeof text === 'string' && text !== '').join(' ')
      const scopes = asked === '' ? [...identity, ...delegable] : asked.split(' ')
      const unknown = scopes.find((scope) => !identity.includes(scope) && !delegable.includes(scope))
      // What a service no longer has, an app that registered earlier just no longer gets.
      if (unknown !== undefined && kept === undefined)
        throw new errors.InvalidClientMetadata(`there is no scope ${unknown} here`)
      // Left out, the library would let it ask for anything.
      metadata.scope = scopes.filter((scope) => identity.includes(scope)).join(' ') || 'openid'
      metadata[apiScopesMember] = scopes.filter((scope) => delegable.includes(scope)).join(' ')
    },
  } satisfies Configuration['extraClientMetadata']
}

/**
 * Whether people come back to their own machine alone. Many a client that runs there, of the Model Context Protocol above
 * all, leaves out `application_type`, whose default is `web`; as such it could not choose its port (RFC 8252 §7.3).
 */
function isOnOwnMachine(redirectUris: readonly string[] | undefined): boolean {
  return redirectUris !== undefined && redirectUris.length > 0 && redirectUris.every(isLoopbackUri)
}
