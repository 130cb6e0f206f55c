// Identity providers for tests: a real `oidc-provider`, and one made by hand that says whatever a test wants.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import Provider, { type Configuration } from 'oidc-provider'
import type { Clock } from '../../src/clock.ts'
import { type Connection, redirectUriOf } from '../../src/connections/connection.ts'
import { guardedFetch, type OutgoingOptions } from '../../src/connections/guarded-fetch.ts'
import { openIdSignIn } from '../../src/connections/openid-sign-in.ts'
import type { UpstreamSignIn } from '../../src/connections/upstream-sign-in.ts'
import type { ConnectionId, OrganizationId } from '../../src/ids.ts'
import type { Secrets } from '../../src/secrets/secrets.ts'

export const origin = 'http://latchkey.test'
export const clientSecret = 'theClientSecret'

export interface RealProvider {
  readonly issuer: string
  /** Signs a person in at this address as a browser would, and answers where it would go back to. */
  browse(url: string): Promise<string>
  close(): Promise<void>
}

export interface Person {
  readonly sub: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** A real provider, at which one person is signed in whatever is asked. Clients register themselves with any redirect. */
export async function startRealProvider(
  person: () => Person,
  clients: readonly NonNullable<Configuration['clients']>[number][],
  atPort = 0,
): Promise<RealProvider> {
  const server = createServer().listen(atPort, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on a port, not on a pipe, has an `AddressInfo`.
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  const provider = new Provider(issuer, {
    clients: [...clients],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
    cookies: { keys: ['for-tests-alone'] },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ ...person().claims, sub: id }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    loadExistingGrant: async (ctx) => {
      const { Grant } = ctx.oidc.provider
      const [clientId, accountId] = [ctx.oidc.client?.clientId, ctx.oidc.session?.accountId]
      if (clientId === undefined || accountId === undefined) return undefined
      const grant = new Grant({ clientId, accountId })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
    // As strict providers do: what is not the subject is told at userinfo.
    conformIdTokenClaims: true,
  })
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next()
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: person().sub } })
    ctx.respond = false
  })
  server.on('request', provider.callback())
  return {
    issuer,
    browse: (url) => browse(url, issuer),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Follows redirects with cookies for as long as they stay at the provider. */
async function browse(url: string, issuer: string): Promise<string> {
  const cookies = new Map<string, string>()
  let at = url
  for (let hops = 0; hops < 10; hops++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(at, { redirect: 'manual', headers: { cookie } })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`the provider answered ${answer.status}: ${await answer.text()}`)
    at = new URL(location, at).href
    if (!at.startsWith(issuer)) return at
  }
  throw new Error('too many redirects')
}

type Json = Record<string, unknown>
export type Answer = (response: ServerResponse, usual: Json) => void | Promise<void>

/** What a test changes of a provider that would be right otherwise. */
export interface Misbehaviour {
  discovery?: (usual: Json) => Json
  /** Of the ID token; `iss`, `aud`, `nonce`, `sub`, `iat` and `exp` are there already. */
  claims?: (usual: JWTPayload) => JWTPayload
  /** Instead of the ID token that `claims` makes. */
  idToken?: (claims: JWTPayload) => string | Promise<string>
  userinfo?: Json
  /** Whole answers, by path. */
  answers?: Readonly<Record<string, Answer>>
}

export interface HandMade {
  readonly issuer: string
  readonly requests: string[]
  /** The body of the last request to the token endpoint, and its authorization. */
  readonly redeemed: { body: URLSearchParams; authorization: string | undefined }[]
  will(misbehaviour: Misbehaviour): void
  /** The nonce of the sign-in that is under way. */
  expect(nonce: string): void
  /** The public key as a text that a careless verifier would use for HMAC. */
  publicPem(): Promise<string>
  rotateKeys(): Promise<void>
  sign(claims: JWTPayload, alg?: string): Promise<string>
  close(): Promise<void>
}

export async function startHandMade(clientId = 'latchkey'): Promise<HandMade> {
  const requests: string[] = []
  const redeemed: { body: URLSearchParams; authorization: string | undefined }[] = []
  let wrong: Misbehaviour = {}
  let nonce = ''
  let generation = 0
  let keys = await generateKeyPair('RS256', { extractable: true })
  const sign = (claims: JWTPayload, alg = 'RS256') =>
    new SignJWT(claims).setProtectedHeader({ alg, kid: `key-${generation}` }).sign(keys.privateKey)
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://any')
    requests.push(`${request.method} ${request.url}`)
    let text = ''
    for await (const chunk of request) text += String(chunk)
    if (pathname === '/token')
      redeemed.push({ body: new URLSearchParams(text), authorization: request.headers.authorization })
    const usual = await usualAnswer(pathname)
    const answer = wrong.answers?.[pathname]
    if (answer !== undefined) return answer(response, usual)
    json(response, usual)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  const usualAnswer = async (path: string): Promise<Json> => {
    switch (path) {
      case '/.well-known/openid-configuration': {
        const endpoints = {
          ...{ authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` },
          ...{ jwks_uri: `${issuer}/jwks`, userinfo_endpoint: `${issuer}/userinfo` },
        }
        const usual = {
          issuer,
          ...endpoints,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
        }
        return wrong.discovery?.(usual) ?? usual
      }
      case '/jwks':
        return {
          keys: [
            { ...(await exportJWK(keys.publicKey)), kid: `key-${generation}`, alg: 'RS256', use: 'sig' },
          ],
        }
      case '/token': {
        const now = Math.floor(Date.now() / 1000)
        const email = { email: 'ana@clinic.example', email_verified: true }
        const right = { iss: issuer, aud: clientId, sub: 'ana', nonce, iat: now, exp: now + 60, ...email }
        const claims = wrong.claims?.(right) ?? right
        const id_token = await (wrong.idToken?.(claims) ?? sign(claims))
        return { access_token: 'opaque', token_type: 'Bearer', expires_in: 60, id_token }
      }
      case '/userinfo':
        return wrong.userinfo ?? { sub: 'ana', name: 'Ana' }
      default:
        return {}
    }
  }
  return {
    ...{ issuer, requests, redeemed, sign },
    will: (misbehaviour) => {
      wrong = misbehaviour
    },
    expect: (given) => {
      nonce = given
    },
    publicPem: async () => JSON.stringify(await exportJWK(keys.publicKey)),
    rotateKeys: async () => {
      generation++
      keys = await generateKeyPair('RS256', { extractable: true })
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function json(response: ServerResponse, body: Json): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

/** The port, open to this machine. */
export function upstreamFor(
  deps: { readonly secrets: Secrets; readonly clock: Clock },
  outgoing: OutgoingOptions = {},
): UpstreamSignIn {
  const fetch = guardedFetch({ allowPrivateAddressesInDevelopment: true, timeMsMax: 2_000, ...outgoing })
  return openIdSignIn({ ...deps, fetch })
}

/** A connection as a store would give it. */
export function connectionTo(
  issuer: string,
  { secrets, id, organizationId }: { secrets: Secrets; id: ConnectionId; organizationId: OrganizationId },
  more: Partial<Connection> = {},
): Connection {
  const sealedSecret = secrets.seal('connection-secrets', id, clientSecret)
  return {
    ...{ id, organizationId, version: 1, name: 'Clinic sign-in', kind: 'oidc', issuer, clientId: 'latchkey' },
    authentication: { kind: 'client_secret_basic', sealedSecret },
    ...{
      scopes: ['openid', 'email', 'profile'],
      domains: [],
      emailTrust: 'if_said',
      signOut: 'here',
      testedAt: 1,
    },
    ...{ state: { kind: 'active', enforcement: 'offered' }, createdBy: 'key_test', createdAt: 1 },
    mapping: { roles: [], tags: [], defaultRoles: [] },
    ...more,
  }
}

/** Goes to a hand-made provider and back, without a browser: the code is anything. */
export async function throughHandMade(
  upstream: UpstreamSignIn,
  provider: HandMade,
  connection: Connection,
  returned: (usual: URLSearchParams) => URLSearchParams = (usual) => usual,
) {
  const state = 'the-state'
  const redirectUri = redirectUriOf(origin, connection.id)
  const { url, keep } = await upstream.begin(connection, { redirectUri, state })
  provider.expect(new URL(url).searchParams.get('nonce') ?? '')
  const query = returned(new URLSearchParams({ code: 'any', state }))
  return upstream.finish(connection, { callbackUrl: `${redirectUri}?${query}` }, keep, state)
}
