import { readFileSync } from 'node:fs'
import { openSqlite } from '../adapters/sqlite/open.ts'
import { type Activity, createActivity } from './audit/activity.ts'
import { actorOf } from './audit/actor.ts'
import { auditRoutes } from './audit/api.ts'
import { type Commit, recorder } from './audit/record.ts'
import { clientKeyRoutes } from './client-keys/api.ts'
import { keyBelongings } from './client-keys/key-belongings.ts'
import { keyContents } from './client-keys/key-contents.ts'
import { keysHolding, revokeHolders } from './client-keys/key-holders.ts'
import { rewrapClientKeys } from './client-keys/rewrap-client-keys.ts'
import type { Clock, MonotonicClock, Random } from './clock.ts'
import type { Config, StoreLocation } from './config.ts'
import { connectionRoutes } from './connections/api.ts'
import { connectionBelongings } from './connections/connection-belongings.ts'
import { connectionContents } from './connections/connection-contents.ts'
import { connectionsGiving, takeFromMappings } from './connections/connection-holders.ts'
import { guardedFetch } from './connections/guarded-fetch.ts'
import { openIdSignIn } from './connections/openid-sign-in.ts'
import { rewrapConnections } from './connections/rewrap-connections.ts'
import type { UpstreamSignIn } from './connections/upstream-sign-in.ts'
import { consentRoutes } from './consents/api.ts'
import { consentBelongings, consentContents } from './consents/consent-belongings.ts'
import { endConsentsOfApp } from './consents/end-consents-of-app.ts'
import { guardEndpoints, guardOperations, guardRole } from './decisions/api/guard-endpoints.ts'
import { managementAuthentication } from './decisions/api/management-authentication.ts'
import { managementSource } from './decisions/management-source.ts'
import { ensureFirstStart } from './first-start.ts'
import { docsHandlers } from './http/docs.ts'
import { answersHealth, answersReadiness } from './http/health.ts'
import { type LimitQuotas, limitsFrom } from './http/limits.ts'
import { errorForLog, type Log } from './http/log.ts'
import { type ApiDocumentOptions, apiDocument } from './http/openapi.ts'
import { pageAt } from './http/page-at.ts'
import type { Route } from './http/route.ts'
import { apiRouter } from './http/router.ts'
import type { OnForeignAccess } from './http/run-route.ts'
import { type HttpServer, httpServer } from './http/server.ts'
import { type Handler, koaHandler, siteMap } from './http/site-map.ts'
import { storedIdempotencyKeys } from './http/stored-idempotency.ts'
import { styleSheets } from './http/style-sheets.ts'
import type { NewId, OrganizationId } from './ids.ts'
import { mailRoutes } from './mail/api.ts'
import { createOutbox, type Deliver, type Outbox } from './mail/outbox.ts'
import { rewrapMails } from './mail/rewrap-mails.ts'
import { accountsOf } from './oauth/accounts.ts'
import { assertionLifeSecondsMax } from './oauth/configuration.ts'
import { destroyGrant } from './oauth/destroy-grant.ts'
import { endedTokens } from './oauth/ended-tokens.ts'
import { createIssuers } from './oauth/issuers.ts'
import { type TokenQuotas, tokenLimits, tokenQuotasDefault } from './oauth/limits.ts'
import { connectionCallback } from './oauth/sign-in/connection-callback.ts'
import { domainRoutes } from './organizations/api/domains.ts'
import { organizationRoutes } from './organizations/api.ts'
import { domainBelongings } from './organizations/domain-belongings.ts'
import { organizations } from './organizations/organization.ts'
import type { ResolveTxt } from './organizations/published-txt.ts'
import { sweepDomains } from './organizations/sweep-domains.ts'
import { registeredAppRoutes } from './registered-apps/api.ts'
import { appContents, initialAccessTokenContents } from './registered-apps/app-contents.ts'
import { rewrapRegisteredApps } from './registered-apps/rewrap-registered-apps.ts'
import { followRevocations, type LiveRevocations } from './revocations/live.ts'
import { roleRoutes } from './roles/api.ts'
import { roleBelongings } from './roles/role-belongings.ts'
import { roleContents } from './roles/role-contents.ts'
import { guardFrom } from './sdk/guard.ts'
import { secretRoutes } from './secrets/api.ts'
import { deploymentSecrets } from './secrets/deployment-secrets.ts'
import type { Secrets } from './secrets/secrets.ts'
import { serviceRoutes } from './services/api.ts'
import { documentReader } from './services/document-reader.ts'
import { guardRoleName, managementSlug } from './services/management-service.ts'
import type { DocumentReader } from './services/read-document.ts'
import { rewrapSigningKeys } from './services/rewrap-signing-keys.ts'
import { entitlementBelongings, serviceBelongings } from './services/service-belongings.ts'
import { cacheRecords } from './storage/cache.ts'
import { type Feed, feedAgeMsMax, followFeed } from './storage/feed.ts'
import type { Store } from './storage/ports.ts'
import { userRoutes } from './users/api.ts'
import { passwordHasher } from './users/argon2.ts'
import { rewrapLinks, rewrapUsers } from './users/rewrap-users.ts'
import { administratorsTeller } from './users/tell-administrators.ts'
import { userBelongings } from './users/user-belongings.ts'
import { userContents } from './users/user-contents.ts'
import { takeFromHolders, usersHolding } from './users/user-holders.ts'

/** What only `main` may ask the machine for. */
export interface Machine {
  readonly clock: Clock
  readonly monotonic: MonotonicClock
  readonly random: Random
  readonly newId: NewId
  /** Cheaper than an id of a record: one is made for every request. */
  readonly newRequestId: () => string
  /** Asks the machine's name servers. */
  readonly resolveTxt: ResolveTxt
  readonly log: Log
}

export interface Latchkey {
  /** Makes what an empty store needs. Safe at every start, on every node. */
  firstStart(): Promise<void>
  /** @returns the address listened at */
  listen(): Promise<string>
  /** Stops accepting, ends streams, finishes what is under way, writes what is held. */
  close(): Promise<void>
}

/** The product's: the version of `latchkey`'s own document, too. */
const productVersion = '0.1.0'
const closingGraceMs = 10_000
const firstSweepMs = 30_000
const sweepEveryMs = 60_000
const sweepDomainsEveryMs = 3_600_000
/** Counts of tokens issued and refused are kept for 90 days; audit events for good. */
const activityKeptMs = 90 * 24 * 3_600_000

/** Opens the store and wires everything. Nothing is listened at until `listen`. */
export async function compose(
  config: Config,
  secretTexts: readonly string[],
  machine: Machine,
): Promise<Latchkey> {
  const secrets = deploymentSecrets(secretTexts, machine.random)
  const store = await openStore(config.store, machine.clock)
  const feed = await followFeed({ changes: store.changes, monotonic: machine.monotonic })
  const cached = cacheRecords({ records: store.records, commit: store.commit, feed })
  const outgoing = outgoingFetch(config)
  const upstream = openIdSignIn({ secrets, clock: machine.clock, fetch: outgoing })
  const outbox = createOutbox({
    ...{ records: store.records, commit: cached.commit, secrets, clock: machine.clock, newId: machine.newId },
    ...{
      operatorId: () => operatorOf(cached.records),
      deliver: await mailDelivery(config),
      log: machine.log,
    },
  })
  const parts: Parts = { config, machine, secrets, store, feed, cached, outgoing, outbox, upstream }
  const described: ApiDocumentOptions = {
    routes: managementRoutes(parts),
    origin: config.origin,
    version: productVersion,
    extraOperations: guardOperations,
    extraRoles: { [guardRoleName]: guardRole },
  }
  let running: Running | undefined
  return {
    firstStart: () => {
      const { origin, dataFolder } = config
      const bytes = () => Buffer.from(JSON.stringify(apiDocument(described)))
      const deps = { ...machine, store, secrets, origin, dataFolder, readDocument: readOwnDocument }
      return ensureFirstStart(deps, { version: productVersion, bytes })
    },
    listen: async () => {
      running = await run(parts, described)
      const port = await running.server.listen(config.port, config.host)
      return `http://${config.host}:${port}`
    },
    close: async () => {
      await running?.close()
      await outbox.close()
      await feed.stop()
      await store.close()
    },
  }
}

interface Parts {
  readonly config: Config
  readonly machine: Machine
  readonly secrets: Secrets
  readonly store: Store
  readonly feed: Feed
  readonly cached: ReturnType<typeof cacheRecords>
  readonly outbox: Outbox
  /** For addresses that customers give. */
  readonly outgoing: typeof fetch
  readonly upstream: UpstreamSignIn
}

interface Running {
  readonly server: HttpServer
  close(): Promise<void>
}

/** Our own document needs no thread to be safe from it, and the parser is loaded only where there is one to read. */
const readOwnDocument: DocumentReader = async (source, options) => {
  const { readDocument } = await import('./services/read-document.ts')
  return readDocument(source, options)
}

function outgoingFetch({ outgoing }: Config): typeof fetch {
  const { certificatesFile, ...rest } = outgoing
  const certificates = certificatesFile === undefined ? undefined : readFileSync(certificatesFile, 'utf8')
  return guardedFetch({ ...rest, certificates })
}

async function mailDelivery({ smtp }: Config): Promise<Deliver | undefined> {
  if (smtp === undefined) return undefined
  const { smtpDelivery } = await import('./mail/smtp.ts')
  return smtpDelivery(smtp)
}

async function operatorOf(records: Store['records']): Promise<OrganizationId> {
  const [place] = await records.locate(organizations, 'operator', '', { limit: 1 })
  if (place === undefined) throw new Error('there is no operator: the first start has not run')
  return place.organizationId
}

async function openStore(location: StoreLocation, clock: Clock): Promise<Store> {
  switch (location.kind) {
    case 'sqlite':
      return openSqlite({ path: location.path, clock })
    case 'mongodb': {
      // Loaded where it is used: the driver is a tenth of a small server's memory and start.
      const { openMongo } = await import('../adapters/mongodb/open.ts')
      return openMongo({ url: location.url, clock })
    }
    default:
      throw new Error(`unknown store: ${location satisfies never}`)
  }
}

/** Every operation of the management API. Its use cases read the store itself, not the cache: they decide on what is. */
function managementRoutes(parts: Parts): readonly Route[] {
  const { config, machine, secrets, store, cached, outbox, outgoing, upstream } = parts
  const { clock, newId, random, resolveTxt } = machine
  const { records, counters } = store
  const commit = recorder(cached.commit, clock, newId)
  const common = {
    ...{ records, counters, commit, clock, newId, random, secrets },
    ...{ origin: config.origin, sendMail: outbox.send },
  }
  const belongings = [
    ...[serviceBelongings, entitlementBelongings, roleBelongings, keyBelongings],
    ...[userBelongings, connectionBelongings, consentBelongings, domainBelongings],
  ].map((of) => of(common))
  const serviceContents = [
    keyContents(common),
    userContents(common),
    connectionContents(common),
    consentContents(common),
    roleContents(common),
    appContents(common),
    initialAccessTokenContents(common),
  ]
  const sealed = { records, secrets, commit: cached.commit }
  const rewraps = [
    ...[rewrapSigningKeys, rewrapClientKeys, rewrapConnections, rewrapRegisteredApps],
    ...[rewrapUsers, rewrapLinks, rewrapMails],
  ].map((of) => of(sealed))
  const held = {
    holdersOf: [keysHolding(records), usersHolding(records), connectionsGiving(records)],
    endHolders: [revokeHolders(common), takeFromHolders(common), takeFromMappings(common)],
  }
  return [
    ...organizationRoutes({ ...common, belongings }),
    ...domainRoutes({ ...common, resolveTxt }),
    ...serviceRoutes({ ...common, readDocument: documentReader(), reservedSlugs, serviceContents }),
    ...roleRoutes({ ...common, ...held }),
    ...clientKeyRoutes(common),
    ...registeredAppRoutes({
      ...common,
      endConsents: endConsentsOfApp({
        ...common,
        destroyArtifacts: destroyGrant({ artifacts: store.artifacts, secrets }),
      }),
    }),
    ...userRoutes(common),
    ...mailRoutes(common),
    ...consentRoutes({ ...common, destroyArtifacts: destroyGrant({ artifacts: store.artifacts, secrets }) }),
    ...connectionRoutes({ ...common, upstream, fetch: outgoing }),
    ...secretRoutes({ ...common, rewraps, assertionLifeSecondsMax }),
    ...auditRoutes(common),
  ]
}

async function run(parts: Parts, described: ApiDocumentOptions): Promise<Running> {
  const { config, machine, store, feed } = parts
  const { clock, log } = machine
  const revocations = await followRevocations({ records: store.records, feed, clock })
  const activity = createActivity({
    counters: store.counters,
    clock,
    onFault: (cause) => log.error({ err: errorForLog(cause) }, 'activity was not stored'),
  })
  const server: HttpServer = httpServer({
    handler: site({ ...parts, revocations, activity }, described, () => server),
    log,
    newRequestId: machine.newRequestId,
    trustedProxies: config.trustedProxies,
  })
  const sweeps = [
    every(sweepEveryMs, () => sweep(parts, revocations), log, 'what has expired was not swept'),
    every(sweepDomainsEveryMs, domainSweep(parts), log, 'domains were not read again'),
  ]
  return {
    server,
    close: async () => {
      for (const stop of sweeps) stop()
      await server.close(closingGraceMs)
      await activity.close()
      revocations.stop()
    },
  }
}

/** Does the work soon after the start, and then again and again. Returns how to stop. */
function every(intervalMs: number, work: () => Promise<void>, log: Log, failed: string): () => void {
  const run = () => {
    work().catch((cause: unknown) => log.warn({ err: errorForLog(cause) }, failed))
  }
  const first = setTimeout(run, firstSweepMs).unref()
  const sweeping = setInterval(run, intervalMs).unref()
  return () => {
    clearTimeout(first)
    clearInterval(sweeping)
  }
}

/** Each domain is read again daily; that is looked for hourly. */
function domainSweep({ machine, store, cached, outbox }: Parts): () => Promise<void> {
  const { clock, newId, log, resolveTxt } = machine
  const deps = { records: store.records, keep: cached.commit, clock, resolveTxt }
  const tellAdministrators = administratorsTeller({ records: store.records, sendMail: outbox.send })
  return () =>
    sweepDomains({
      ...{ ...deps, commit: recorder(cached.commit, clock, newId) },
      tellAdministrators: async (organizationId, mail) => {
        log.warn({ organization: organizationId }, mail.subject)
        await tellAdministrators(organizationId, mail)
      },
    })
}

async function sweep({ store, machine, outbox }: Parts, revocations: LiveRevocations): Promise<void> {
  await store.sweep()
  await revocations.sweep(store.commit)
  await store.counters.forget(machine.clock() - activityKeptMs)
  await outbox.sweep()
}

interface SiteParts extends Parts {
  readonly revocations: LiveRevocations
  readonly activity: Activity
}

/** The first segments that the server serves itself, and those that no service may have; all else is a service's slug. */
const ownSegments = [
  '',
  '.well-known',
  'api',
  'connections',
  'docs',
  'healthz',
  'openapi.json',
  'readyz',
  'static',
] as const
const reservedSlugs: ReadonlySet<string> = new Set([
  ...ownSegments,
  ...['console', 'metrics', managementSlug],
  ...['login', 'logout', 'oauth', 'admin', 'assets'],
])

/** The site map. Issuers come first among services' paths: the token endpoint is what must be fast. */
function site(parts: SiteParts, described: ApiDocumentOptions, server: () => HttpServer): Handler {
  const { config, machine, secrets, store, feed, cached, revocations, activity, upstream } = parts
  const { clock, log, random } = machine
  const { origin } = config
  const { records } = cached
  const feedAgeMs = () => feed.ageMs()
  const guard = guardFrom(
    managementSource({ records, revocations, origin, feedAgeMs }),
    // Nodes keep time together; a key's expiry is not to be outlived by half a minute here.
    { algorithms: ['ES256'], clockSkewSecondsMax: 5 },
    machine,
  )
  const hasher = passwordHasher(random)
  const signIns = {
    commit: recorder(cached.commit, clock, machine.newId),
    ...{ newId: machine.newId, random, secrets, clock, origin, upstream, storedRecords: store.records },
    onFault: (cause: unknown, requestId: string) =>
      log.error({ request_id: requestId, err: errorForLog(cause) }, 'a sign-in failed'),
  }
  const issuers = createIssuers({
    ...signIns,
    outgoing: parts.outgoing,
    endedTokens: endedTokens({ revocations, clock, isStale: () => feedAgeMs() > feedAgeMsMax }),
    ...{ records, activity, artifacts: store.artifacts },
    accounts: accountsOf({
      ...signIns,
      hasher,
      ...{
        records: store.records,
        artifacts: store.artifacts,
        keep: cached.commit,
        sendMail: parts.outbox.send,
      },
    }),
    limits: tokenLimits(tokenQuotas(config)),
    onFault: (cause, requestId) =>
      log.error({ request_id: requestId, err: errorForLog(cause) }, 'a token request failed'),
  })
  const guards = koaHandler(
    log,
    guardEndpoints({
      ...{ records, revocations, guard, clock, origin, feedAgeMs, changes: store.changes },
      onClosing: (hook) => server().onClosing(hook),
    }),
  )
  const api = apiRouter({
    routes: described.routes,
    log,
    authenticate: managementAuthentication(guard),
    limits: limitsFrom(apiQuotas(config)),
    idempotency: storedIdempotencyKeys({ records: store.records, commit: cached.commit, clock, random }),
    onForeignAccess: lookRecorder(recorder(cached.commit, clock, machine.newId)),
  })
  const issuerOrGuards: Handler = async (request, response) => {
    if (!(await issuers.answer(request, response))) await guards(request, response)
  }
  const readiness = { ping: () => store.ping(), feedAgeMs, isClosing: () => server().isClosing() }
  const own: Readonly<Record<(typeof ownSegments)[number], Handler>> = {
    '': koaHandler(
      log,
      pageAt('/', (ctx) => ctx.redirect('/docs')),
    ),
    '.well-known': issuerOrGuards,
    api: koaHandler(log, api),
    connections: koaHandler(log, connectionCallback(signIns)),
    healthz: koaHandler(log, pageAt('/healthz', answersHealth())),
    readyz: koaHandler(log, pageAt('/readyz', answersReadiness(readiness))),
    static: styleSheets(log),
    ...docsHandlers(log, described),
  }
  return siteMap(own, issuerOrGuards)
}

/** A look of the operator's into a customer's organization is told in that organization's own audit trail. */
function lookRecorder(commit: Commit): OnForeignAccess {
  return (principal, organizationId, operationId) =>
    commit(
      {
        type: 'organization.looked_into',
        organizationId,
        target: organizationId,
        by: actorOf(principal),
        details: { operation: operationId },
      },
      [],
    )
}

/** Counted in each worker's own memory, so each gets its share of what the node allows. */
function perMinute(requests: number, { workers }: Config) {
  return { requests: Math.ceil(requests / workers), windowSeconds: 60 }
}

function apiQuotas(config: Config): LimitQuotas {
  const callers = (count: number) => perMinute(config.apiCallsPerMinute * count, config)
  // One caller that spends all of its own must not close the door to others of its organization or address.
  return { principal: callers(1), organization: callers(5), address: callers(10) }
}

function tokenQuotas(config: Config): TokenQuotas {
  const { addressFailures, keyFailures } = tokenQuotasDefault
  return {
    ...tokenQuotasDefault,
    address: perMinute(config.tokensPerAddressPerMinute, config),
    key: perMinute(config.tokensPerKeyPerMinute, config),
    addressFailures: perMinute(addressFailures.requests, config),
    keyFailures: perMinute(keyFailures.requests, config),
  }
}
