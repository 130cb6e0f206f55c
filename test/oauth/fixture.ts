import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import Koa from 'koa'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { createActivity } from '../../src/audit/activity.ts'
import { recorder } from '../../src/audit/record.ts'
import { type ClientKey, type ClientSecret, clientKeys } from '../../src/client-keys/client-key.ts'
import { makeSecret } from '../../src/client-keys/secret-format.ts'
import type { Clock } from '../../src/clock.ts'
import { guardedFetch } from '../../src/connections/guarded-fetch.ts'
import { openIdSignIn } from '../../src/connections/openid-sign-in.ts'
import type { ServiceModel, ServiceRole } from '../../src/evaluator/model.ts'
import { afterAnswers } from '../../src/http/after-answers.ts'
import { receive } from '../../src/http/arrival.ts'
import { koaHandler } from '../../src/http/site-map.ts'
import { answersStyleSheets } from '../../src/http/style-sheets.ts'
import { newIdFrom } from '../../src/ids.ts'
import type { Mail } from '../../src/mail/mail.ts'
import { type Accounts, accountsOf } from '../../src/oauth/accounts.ts'
import { createDeliveries } from '../../src/oauth/deliveries.ts'
import { endedTokens } from '../../src/oauth/ended-tokens.ts'
import { createIssuers, type IssuersDeps } from '../../src/oauth/issuers.ts'
import { type TokenQuotas, tokenLimits, tokenQuotasDefault } from '../../src/oauth/limits.ts'
import { connectionCallback } from '../../src/oauth/sign-in/connection-callback.ts'
import { type Organization, organizations } from '../../src/organizations/organization.ts'
import { followRevocations } from '../../src/revocations/live.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import type { Secrets } from '../../src/secrets/secrets.ts'
import {
  type Service,
  type SigningAlgorithm,
  type SigningKey,
  type SigningKeyState,
  services,
} from '../../src/services/service.ts'
import { cacheRecords } from '../../src/storage/cache.ts'
import { feedAgeMsMax, followFeed } from '../../src/storage/feed.ts'
import { type Collection, insert, type Stored, update } from '../../src/storage/ports.ts'
import { passwordHasher } from '../../src/users/argon2.ts'
import { type User, users } from '../../src/users/user.ts'

/** One clock for us and the library, which reads the machine's: tests of time set that one. */
export const clock: Clock = () => Date.now()
export const newId = newIdFrom(clock, randomBytes)

function role(name: string, more: Partial<ServiceRole> = {}): ServiceRole {
  return {
    name,
    grantable: true,
    inDefaultEntitlement: true,
    delegable: false,
    include: [],
    allow: [],
    ...more,
  }
}

function operation(id: string, scope: string) {
  return { id, method: 'GET', path: `/${id}`, parameters: {}, alternatives: [[scope]] } as const
}

/** Two scopes that open an operation each, and roles that hold both, one and none of them as scopes. */
const clinicModel: ServiceModel = {
  basePaths: [''],
  operations: [operation('listPatients', 'patients:read'), operation('listInvoices', 'invoices:read')],
  roles: [
    role('patients:read', { delegable: true }),
    role('invoices:read', { delegable: true }),
    role('desk', { include: ['patients:read', 'invoices:read'] }),
    role('nurse', { include: ['patients:read'] }),
  ],
}

export interface IssuedKey {
  readonly key: ClientKey
  readonly secret: string
}

/** Everybody's passwords and codes are the same: the real ones have tests of their own, and take their time. */
function withEasyPasswords(accounts: Accounts): Accounts {
  const sent = new Map<string, string>()
  return {
    ...accounts,
    tryPassword: async (user, { password }) => ({
      kind: user !== undefined && password === rightPassword ? 'right' : 'wrong',
    }),
    sendCode: async ({ email }) => {
      const codeId = randomUUID()
      sent.set(codeId, email)
      return { codeId }
    },
    checkCode: async ({ codeId, code }) => {
      const email = sent.get(codeId)
      if (email === undefined) return { kind: 'over' }
      return code === rightCode ? { kind: 'right', email } : { kind: 'wrong' }
    },
  }
}

export const rightCode = '123456'
/** Everybody's. */
export const rightPassword = 'correct horse battery staple'

interface RawRequest {
  readonly host?: string
  readonly headers?: readonly string[]
  readonly body?: string
  /** The body brings its own length. */
  readonly chunked?: boolean
}

interface Options {
  readonly issuersMax?: number
  readonly trustedProxies?: number
  readonly quotas?: Partial<TokenQuotas>
  readonly outgoing?: typeof fetch
  /** Passwords and codes as they are; by default everybody's are easy. */
  readonly realAccounts?: true
  readonly openAppsMax?: number
}

/** A store in memory with the operator, one organization and a service; and the issuers behind a server of their own. */
export async function startWorld(options: Options = {}) {
  const store = await openSqlite({ path: ':memory:', clock })
  const feed = await followFeed({ changes: store.changes, monotonic: () => performance.now() })
  const { records, commit } = cacheRecords({ records: store.records, commit: store.commit, feed })
  const secrets = deploymentSecrets([randomBytes(32).toString('base64')], randomBytes)
  const revocations = await followRevocations({ records: store.records, feed, clock })
  const faults: unknown[] = []
  const mails: Mail[] = []
  const onFault = (cause: unknown) => faults.push(cause)
  const activity = createActivity({ counters: store.counters, clock, onFault })

  const server = createServer((request, response) => {
    receive(request, response, { newRequestId: randomUUID, trustedProxies: options.trustedProxies ?? 0 })
    void serve(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  const { artifacts } = store
  const accounts = accountsOf({
    ...{ records: store.records, keep: commit, commit: recorder(commit, clock, newId), artifacts, secrets },
    ...{ clock, newId, random: randomBytes, origin, onFault, hasher: passwordHasher(randomBytes) },
    ...{ counters: store.counters, afterAnswers: afterAnswers(randomBytes) },
    sendMail: async (mail) => void mails.push(mail),
  })
  const upstream = openIdSignIn({ secrets, clock, fetch })
  const outgoing = options.outgoing ?? guardedFetch({ allowPrivateAddressesInDevelopment: true })
  const givenUp: string[] = []
  const deliveries = createDeliveries({
    ...{ fetch: outgoing, onFault, retryAfterMs: [20, 20] },
    onGivenUp: (host, why) => givenUp.push(`${host}: ${why}`),
  })
  const deps: IssuersDeps = {
    records,
    storedRecords: store.records,
    random: randomBytes,
    accounts: options.realAccounts === true ? accounts : withEasyPasswords(accounts),
    upstream,
    artifacts: store.artifacts,
    secrets,
    clock,
    activity,
    commit: recorder(commit, clock, newId, (happening) => issuers.hear(happening)),
    newId,
    deliveries,
    outgoing,
    endedTokens: endedTokens({ revocations, clock, isStale: () => feed.ageMs() > feedAgeMsMax }),
    origin,
    onFault,
    limits: tokenLimits({ ...tokenQuotasDefault, ...options.quotas }),
    issuersMax: options.issuersMax ?? 500,
    ...(options.openAppsMax !== undefined && { openAppsMax: options.openAppsMax }),
  }
  const issuers = createIssuers(deps)
  const sheets = koaHandler(
    { error: onFault, warn: onFault, info: () => {}, debug: () => {} },
    answersStyleSheets,
  )
  const callbackApp = new Koa()
  callbackApp.use(connectionCallback(deps))
  const callbacks = callbackApp.callback()
  const serve = async (...[request, response]: Parameters<typeof issuers.answer>) => {
    if (request.url?.startsWith('/static/') === true) return sheets(request, response)
    if (request.url?.startsWith('/connections/') === true) return callbacks(request, response)
    if (await issuers.answer(request, response)) return
    response.statusCode = 404
    response.end('nobody is here')
  }

  const add = async <T extends Stored>(collection: Collection<T>, document: T): Promise<T> => {
    await commit([insert(collection, document)])
    return document
  }
  const change = async <T extends Stored>(
    collection: Collection<T>,
    before: T,
    changes: Partial<T>,
  ): Promise<T> => {
    const changed = update(collection, before, { ...before, ...changes })
    await commit([changed])
    // `update` answers the document that it was given, with the next version.
    return changed.after as T
  }
  const addOrganization = (more: Partial<Organization> = {}) => {
    const id = newId('org')
    return add(organizations, {
      id,
      organizationId: id,
      version: 1,
      name: 'North practice',
      slug: id.slice('org_'.length),
      kind: 'customer',
      state: { kind: 'active' },
      authority: 3,
      createdAt: clock(),
      ...more,
    })
  }
  const operator = await addOrganization({ kind: 'operator' })
  const organization = await addOrganization()
  const addService = (more: Partial<Service> = {}) =>
    add<Service>(services, {
      id: newId('svc'),
      organizationId: operator.id,
      version: 1,
      slug: 'clinic',
      kind: 'api',
      title: 'Clinic',
      audience: 'https://api.clinic.example',
      accessTokenTtlSeconds: 900,
      signingAlgorithm: 'ES256',
      signingKeys: [signingKey(secrets)],
      documentVersion: 1,
      model: clinicModel,
      createdAt: clock(),
      ...more,
    })
  const service = await addService()
  const addKey = async (more: Partial<ClientKey> = {}): Promise<IssuedKey> => {
    const id = more.id ?? newId('key')
    const secret = makeSecret(id, more.environment ?? 'live', randomBytes).reveal()
    const key = await add<ClientKey>(clientKeys, {
      id,
      organizationId: organization.id,
      version: 1,
      serviceId: service.id,
      name: 'nightly export',
      role: 'desk',
      environment: 'live',
      state: { kind: 'active' },
      authentication: { kind: 'secret', secrets: [clientSecret(secrets, id, secret)] },
      cidrs: [],
      authority: 7,
      createdBy: 'key_0',
      createdAt: clock(),
      ...more,
    })
    return { key, secret }
  }
  const addUser = (more: Partial<User> = {}) =>
    add<User>(users, {
      id: newId('usr'),
      organizationId: organization.id,
      version: 1,
      email: 'ann@north.example',
      emailVerifiedAt: clock(),
      name: 'Ann North',
      state: { kind: 'active' },
      roles: [{ serviceId: service.id, role: 'desk' }],
      tags: {},
      identities: [],
      authority: 5,
      createdBy: 'key_0',
      createdAt: clock(),
      ...more,
    })
  const stop = async () => {
    server.closeAllConnections()
    server.close()
    await activity.close()
    await deliveries.close()
    revocations.stop()
    await feed.stop()
    await store.close()
  }
  /** Sends bytes as they are: what no HTTP client would. Answers all that came back. */
  const raw = async (
    line: string,
    { host = 'localhost', headers = [], body = '', chunked = false }: RawRequest = {},
  ) => {
    const socket = connect(port, '127.0.0.1')
    const type = 'content-type: application/x-www-form-urlencoded'
    const length = chunked ? [] : [`content-length: ${Buffer.byteLength(body)}`]
    const head = [`${line} HTTP/1.1`, `host: ${host}`, type, ...length]
    socket.write([...head, ...headers, 'connection: close', '', body].join('\r\n'), 'latin1')
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    return answer
  }
  const requests = { raw, clock, server, origin, issuer: `${origin}/clinic` }
  const makers = { add, change, addOrganization, addService, addKey, addUser }
  return {
    ...requests,
    ...makers,
    store,
    records,
    secrets,
    activity,
    faults,
    givenUp,
    mails,
    operator,
    organization,
    service,
    deps,
    stop,
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** A secret as the store keeps it. */
export function clientSecret(secrets: Secrets, keyId: string, text: string, endsAt?: number): ClientSecret {
  const hash = createHash('sha256').update(text).digest()
  const sealedHash = secrets.seal('client-secrets', keyId, hash)
  const base = { id: newId('sec'), sealedHash, lastFour: text.slice(-4), createdAt: clock() }
  return endsAt === undefined ? base : { ...base, endsAt }
}

/** A signing key as the store keeps it. */
export function signingKey(
  secrets: Secrets,
  algorithm: SigningAlgorithm = 'ES256',
  state: SigningKeyState = { kind: 'active' },
): SigningKey {
  const id = newId('sgn')
  const { publicKey, privateKey } = keyPair(algorithm)
  const named = { kid: id, alg: algorithm, use: 'sig' }
  // Node declares JWKs with optional members of every key type.
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), ...named } as Record<string, string>
  const sealedPrivateJwk = secrets.seal(
    'signing-keys',
    id,
    JSON.stringify({ ...privateKey.export({ format: 'jwk' }), ...named }),
  )
  return { id, algorithm, publicJwk, sealedPrivateJwk, state, createdAt: clock() }
}

function keyPair(algorithm: SigningAlgorithm) {
  switch (algorithm) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
    case 'EdDSA':
      return generateKeyPairSync('ed25519')
    default:
      throw new Error(`unknown algorithm: ${algorithm satisfies never}`)
  }
}

type Presented = { readonly key: Pick<ClientKey, 'id'>; readonly secret: string }

export function basic({ key, secret }: Presented): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${key.id}:${secret}`).toString('base64')}` }
}

type Issuer = Pick<World, 'issuer'>

/** Posts a form to the token endpoint. */
export function postToken(
  { issuer }: Issuer,
  parameters: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${issuer}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString(),
  })
}

/** Asks for a token with `client_secret_basic`. */
export function askToken(
  issuer: Issuer,
  issued: Presented,
  parameters: Record<string, string> | string = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  const more = typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString()
  const body = `grant_type=client_credentials${more === '' ? '' : `&${more}`}`
  return postToken(issuer, body, { ...basic(issued), ...headers })
}

export interface TokenAnswer {
  readonly access_token: string
  readonly expires_in: number
  readonly token_type: string
  readonly scope?: string
}

/** The answer of a request that must succeed. */
export async function tokenOf(response: Response): Promise<TokenAnswer> {
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  // RFC 6749 §5.1, as the tests then check.
  return (await response.json()) as TokenAnswer
}
