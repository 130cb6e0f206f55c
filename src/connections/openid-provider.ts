import { LRUCache } from 'lru-cache'
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretPost,
  Configuration,
  type CustomFetch,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
  type ServerMetadata,
} from 'openid-client'
import type { Clock, EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { clientSecretBasic } from './client-secret-basic.ts'
import type { Connection } from './connection.ts'

export interface ProviderDeps {
  readonly secrets: Secrets
  readonly clock: Clock
  /** Guarded: the addresses are a customer's. */
  readonly fetch: typeof fetch
}

const timeoutSeconds = 10
/** So long a provider's description of itself is believed. */
const metadataKeptMs = 5 * 60_000
/** So long one that gave none is not asked again, so that sign-ins at one that is down are refused at once. */
const failureKeptMs = 5_000
const providersMax = 500

/** Shared by all that ask while it is under way. */
interface Description {
  readonly metadata: Promise<ServerMetadata>
  /** Absent: under way. */
  ended?: { readonly at: EpochMs; readonly keptMs: number }
}

/**
 * Asks a provider to describe itself (OpenID Connect Discovery §4). The library compares the issuer by its URL, and for
 * some hosts not at all.
 * @throws what `upstreamFault` explains
 */
export async function discoverProvider(
  { fetch }: Pick<ProviderDeps, 'fetch'>,
  issuer: string,
): Promise<ServerMetadata> {
  const found = await discovery(new URL(issuer), 'discovery', undefined, None(), {
    ...{ algorithm: 'oidc', timeout: timeoutSeconds, [customFetch]: asked(fetch) },
    execute: isPlain(issuer) ? [allowInsecureRequests] : [],
  })
  return found.serverMetadata()
}

/** What the library asks for, a fetch understands; an absent body is `undefined` there. */
function asked(guarded: typeof fetch): CustomFetch {
  return (url, { body, signal, ...rest }) =>
    guarded(url, { ...rest, body: body ?? null, signal: signal ?? null })
}

/** Only where the guard lets `http:` pass at all. */
function isPlain(issuer: string): boolean {
  return issuer.startsWith('http:')
}

/**
 * Connections as configured clients of their providers. Keys of a provider are fetched for each of its sign-ins, so that
 * one which it has just rotated is known.
 */
export function openIdProviders(deps: ProviderDeps): (connection: Connection) => Promise<Configuration> {
  const kept = new LRUCache<string, Description>({ max: providersMax })
  const metadataOf = ({ issuer }: Connection): Promise<ServerMetadata> => {
    const known = kept.get(issuer)
    if (known !== undefined && isFresh(known, deps.clock())) return known.metadata
    const asked: Description = { metadata: metadataFrom(deps, issuer) }
    const end = (keptMs: number) => {
      asked.ended = { at: deps.clock(), keptMs }
    }
    asked.metadata.then(
      () => end(metadataKeptMs),
      () => end(failureKeptMs),
    )
    kept.set(issuer, asked)
    return asked.metadata
  }
  return async (connection) => {
    const { id, clientId, issuer } = connection
    if (clientId === undefined)
      throw new DomainError('connection_state', `${id} has no client id yet`, {
        fix: 'register its redirect URI at the identity provider, and set the client id',
      })
    const metadata = await metadataOf(connection)
    const configuration = new Configuration(metadata, clientId, {}, authenticationOf(deps, connection))
    configuration[customFetch] = asked(deps.fetch)
    configuration.timeout = timeoutSeconds
    if (isPlain(issuer)) allowInsecureRequests(configuration)
    // OpenID Connect Core §3.1.3.7 (6) would let TLS stand in for the signature.
    enableNonRepudiationChecks(configuration)
    return configuration
  }
}

async function metadataFrom(deps: ProviderDeps, issuer: string): Promise<ServerMetadata> {
  const metadata = await discoverProvider(deps, issuer)
  if (metadata.issuer === issuer) return metadata
  throw new Error('another issuer', { cause: { attribute: 'issuer', body: metadata } })
}

function isFresh({ ended }: Description, nowMs: EpochMs): boolean {
  return ended === undefined || Math.abs(nowMs - ended.at) < ended.keptMs
}

function authenticationOf({ secrets }: ProviderDeps, { id, authentication }: Connection): ClientAuth {
  if (authentication.kind === 'none') return None()
  if (authentication.sealedSecret === undefined)
    throw new DomainError('connection_state', `${id} has no client secret yet`, {
      fix: 'set the client secret, or client_authentication none if the identity provider gave none',
    })
  const secret = secrets.open('connection-secrets', id, authentication.sealedSecret).toString()
  return authentication.kind === 'client_secret_post' ? ClientSecretPost(secret) : clientSecretBasic(secret)
}
