// The one file that reaches past the documented interface of `oidc-provider`; each override says what it stands for and
// was read in the source of 9.13.3. An upgrade checks this file first.
import type { ClientMetadata, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { checkDpopReplay, validateDpop } from 'oidc-provider/lib/helpers/grants.js'
import type { Clock } from '../clock.ts'
import type { ConnectionId } from '../ids.ts'

export type LibraryClient = InstanceType<Provider['Client']>

export interface ClientHooks {
  /**
   * The client that a request names; `undefined` is `invalid_client`. An assertion may name it by any JSON.
   * @param ofLibrary the library's own look-up, which knows documents at their address
   */
  find(
    clientId: unknown,
    ofLibrary: (clientId: string) => Promise<LibraryClient | undefined>,
  ): Promise<LibraryClient | undefined>
  /** Whether the presented secret is one of the client's. */
  compareSecret(client: LibraryClient, presented: string): boolean
}

/**
 * Clients come from our cache. The library's `Client.find` asks the adapter, hashes the answer and looks the parsed client
 * up in a cache fixed at 100 entries (lib/models/client.js), so with more keys than that it parses one per request.
 * `compareClientSecret` would compare in clear; ours are hashed, and two may live.
 */
export function overrideClients(provider: Provider, hooks: ClientHooks): void {
  const ofLibrary = provider.Client.find.bind(provider.Client)
  provider.Client.find = (clientId: unknown) => hooks.find(clientId, ofLibrary)
  provider.Client.prototype.compareClientSecret = function (this: LibraryClient, presented: string) {
    return hooks.compareSecret(this, presented)
  }
}

/** A client as the library knows it, from its metadata (RFC 7591 §2). Its class is declared without its constructor. */
export function makeClient(provider: Provider, metadata: ClientMetadata): LibraryClient {
  const Client = provider.Client as unknown as new (metadata: ClientMetadata) => LibraryClient
  return new Client(metadata)
}

/**
 * Clients that differ in nothing but their id share what the library has parsed: a client of its own for each takes 50 KB,
 * almost all of it the same for every machine's key.
 * @param template without redirect URIs: what the library keeps in private members cannot be reached through the copy
 */
export function copyClient(template: LibraryClient, clientId: string): LibraryClient {
  return Object.create(template, { clientId: { value: clientId, enumerable: true } }) as LibraryClient
}

/**
 * Addresses come from the configured origin alone. The library takes them from the request's `Host` when it is mounted
 * (lib/helpers/oidc_context.js), and accepts them as the audience of client assertions (RFC 7523 §3).
 */
export function overrideAddresses(provider: Provider): void {
  // Declared without the accessor that makes the class, which is each provider's own.
  const { OIDCContext } = provider as unknown as {
    OIDCContext: { prototype: { urlFor(name: string, options?: Record<string, unknown>): string } }
  }
  OIDCContext.prototype.urlFor = (name, options) => provider.urlFor(name, options)
}

/**
 * Says what a resource (RFC 8707) is called here, before anything is kept under its name. The library has no hook between
 * reading the parameters (lib/shared/assemble_params.js) and keying what it grants by them (lib/shared/check_resource.js).
 * @param named the name that is used for the one given
 */
export function overrideResourceNames(provider: Provider, named: (given: string) => string): void {
  const { OIDCContext } = provider as unknown as { OIDCContext: { prototype: object } }
  const kept = new WeakMap<object, Record<string, unknown>>()
  Object.defineProperty(OIDCContext.prototype, 'params', {
    get() {
      return kept.get(this)
    },
    set(params: Record<string, unknown>) {
      const { resource } = params
      if (typeof resource === 'string') params['resource'] = named(resource)
      kept.set(this, params)
    },
  })
}

/**
 * The value of a refresh token that replaces another is not by chance (see `refresh-token-adapter.ts`). The library asks
 * each token for its id when it is first saved (lib/models/base_model.js).
 * @param successor what the token that is being made in this request must be called, if it replaces one
 */
export function overrideRefreshTokenIds(provider: Provider, successor: () => string | undefined): void {
  const { prototype } = provider.RefreshToken as unknown as {
    prototype: { generateTokenId(): string }
  }
  const { generateTokenId } = prototype
  prototype.generateTokenId = function () {
    return successor() ?? generateTokenId.call(this)
  }
}

/**
 * Signing out ends what is bound to the session, which is gone then, and nothing else. The library would end all that was
 * ever bought with the grant (lib/actions/end_session.js, lib/helpers/revoke.js), on the person's other devices, too:
 * it makes a grant for each sign-in, and ours last as long as the consent.
 */
export function keepGrantsAtLogout(provider: Provider, isLogout: () => boolean): void {
  for (const model of [
    provider.AccessToken,
    provider.RefreshToken,
    provider.AuthorizationCode,
    provider.DeviceCode,
  ]) {
    const revokeByGrantId = model.revokeByGrantId.bind(model)
    model.revokeByGrantId = async (grantId) => {
      if (!isLogout()) await revokeByGrantId(grantId)
    }
  }
}

/**
 * A session that was never saved is not saved again. The library would fail (lib/models/session.js) where a page about
 * devices shows an error to a browser that brings no cookie: it puts the form's token into a session that came too late
 * for one (lib/shared/error_handler.js).
 */
export function saveNoLateSessions(provider: Provider): void {
  const { prototype } = provider.Session as unknown as {
    prototype: { readonly exp?: number; persist(): Promise<unknown> }
  }
  const { persist } = prototype
  prototype.persist = async function () {
    return this.exp === undefined ? undefined : persist.call(this)
  }
}

/**
 * Apps are told of a sign-out by us. The library would let the person wait for every app, ask each once, and name the
 * session only to those that insist (lib/models/client.js).
 */
export function overrideBackchannelLogout(
  provider: Provider,
  tell: (client: LibraryClient, accountId: string, sid: string | undefined) => void,
): void {
  const { prototype } = provider.Client as unknown as {
    prototype: { backchannelLogout(accountId: string, sid: string | undefined): Promise<void> }
  }
  prototype.backchannelLogout = async function (this: LibraryClient, accountId, sid) {
    tell(this, accountId, sid)
  }
}

/** OpenID Connect Back-Channel Logout 1.0 §2.4; good for two minutes. The class is declared without its constructor. */
export function makeLogoutToken(
  provider: Provider,
  client: LibraryClient,
  { sub, ...claims }: { readonly sub: string; readonly jti: string; readonly sid?: string },
): Promise<string> {
  const IdToken = provider.IdToken as unknown as new (claims: object, made: object) => LibraryLogoutToken
  const token = new IdToken({ sub }, { client, ctx: undefined })
  token.mask = { sub: null }
  token.set('events', { 'http://schemas.openid.net/event/backchannel-logout': {} })
  for (const [name, value] of Object.entries(claims)) token.set(name, value)
  return token.issue({ use: 'logout' })
}

interface LibraryLogoutToken {
  mask: object
  set(name: string, value: unknown): void
  issue(as: { readonly use: 'logout' }): Promise<string>
}

/**
 * A client assertion is taken once (RFC 7523 §3, `jti`). The library looks and then saves (lib/models/replay_detection.js),
 * so that two at the same time both pass.
 * @param take `true` for exactly one caller for each pair of issuer and `jti`; times are in seconds
 */
export function overrideReplayDetection(
  provider: Provider,
  take: (issuer: string, jti: string, expiresAtSeconds: number) => Promise<boolean>,
): void {
  const { ReplayDetection } = provider as unknown as { ReplayDetection: { unique: typeof take } }
  ReplayDetection.unique = take
}

/** Through which connection somebody signed in; the library keeps it with the session, sealed as all of it. */
export interface UpstreamSession {
  readonly connectionId: ConnectionId
  /** For the provider's sign-out. */
  readonly idToken?: string | undefined
}

type LibrarySession = InstanceType<Provider['Session']>

/**
 * A session keeps where its person comes from, and when they came: who signed in at a provider long ago begins here now.
 * The library keeps what it knows (lib/models/session.js, `IN_PAYLOAD`), and passes on of a sign-in what it knows
 * (lib/actions/authorization/resume.js).
 * @param upstreamOf what the sign-in of this request says of it
 */
export function overrideSessions(
  provider: Provider,
  clock: Clock,
  upstreamOf: () => UpstreamSession | undefined,
): void {
  const Session = provider.Session as unknown as { readonly IN_PAYLOAD: readonly string[] }
  const kept = [...Session.IN_PAYLOAD, 'upstream', 'beganAt']
  Object.defineProperty(Session, 'IN_PAYLOAD', { get: () => kept })
  const { prototype } = provider.Session
  const { loginAccount } = prototype
  prototype.loginAccount = function (this: LibrarySession, details) {
    loginAccount.call(this, details)
    // Whoever signs in another way takes nothing over.
    keepUpstream(this, upstreamOf())
    Object.assign(this, { beganAt: Math.floor(clock() / 1000) })
  }
}

/** The person has signed out; who chose to stay has a session still (lib/models/session.js, `destroy`). */
export function isEnded(session: object): boolean {
  return (session as { readonly destroyed?: boolean }).destroyed === true
}

export function keepUpstream(session: object, upstream: UpstreamSession | undefined): void {
  Object.assign(session, { upstream })
}

/** When the session began, in seconds; `undefined` before anybody has signed in. */
export function beganAtOf(session: object): number | undefined {
  return (session as { readonly beganAt?: number }).beganAt
}

/** Where the session's person comes from; `undefined`: from here. */
export function upstreamOfSession(session: object): UpstreamSession | undefined {
  // Put there by the override above alone.
  return (session as { readonly upstream?: UpstreamSession }).upstream
}

type LibraryInteraction = InstanceType<Provider['Interaction']>

/** An interaction of our own making. Its class (lib/models/interaction.js) is declared without its constructor. */
export function makeInteraction(
  provider: Provider,
  uid: string,
  payload: Pick<LibraryInteraction, 'cid' | 'params' | 'prompt' | 'returnTo'>,
): LibraryInteraction {
  const Interaction = provider.Interaction as unknown as new (
    uid: string,
    payload: object,
  ) => LibraryInteraction
  return new Interaction(uid, payload)
}

/**
 * The key whose holder has proved it with this request at the token endpoint, taken once (RFC 9449 §5); `undefined`: no
 * proof came. Grants of the library's own are handed this, those that are registered are not (lib/helpers/initialize_app.js).
 * @returns the key's thumbprint (RFC 7638)
 * @throws `invalid_dpop_proof`, `use_dpop_nonce`, `invalid_grant` for one that was taken before
 */
export async function takeProof(
  provider: Provider,
  ctx: KoaContextWithOIDC,
  clientId: string,
): Promise<string | undefined> {
  const proof = await validateDpop(provider, ctx)
  if (proof === undefined) return undefined
  await checkDpopReplay(provider, ctx, proof, clientId)
  return proof.thumbprint
}
