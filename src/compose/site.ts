import { guardEndpoints } from '../decisions/api/guard-endpoints.ts'
import { managementSource } from '../decisions/management-source.ts'
import { docsHandlers } from '../http/docs.ts'
import { answersHealth, answersReadiness } from '../http/health.ts'
import type { ApiDocumentOptions } from '../http/openapi.ts'
import { pageAt } from '../http/page-at.ts'
import { QuotaCounter } from '../http/quota.ts'
import { type Handler, koaHandler, siteMap } from '../http/site-map.ts'
import { answersStyleSheets } from '../http/style-sheets.ts'
import { connectionCallback } from '../oauth/sign-in/connection-callback.ts'
import { type Guard, guardFrom } from '../sdk/guard.ts'
import type { ownSegments } from './first-segments.ts'
import { managementApi } from './management-api.ts'
import { decisionQuota } from './quotas.ts'
import type { RunningParts } from './running-parts.ts'
import { signInParts, tokenIssuers } from './token-issuers.ts'

/** The site map. Issuers come first among services' paths: the token endpoint is what must be fast. */
export function site(parts: RunningParts, described: ApiDocumentOptions): Handler {
  const { machine, store, feed, server } = parts
  const { log } = machine
  const guard = managementGuard(parts)
  const issuers = tokenIssuers(parts)
  const guards = guardsHandler(parts, guard)
  const issuerOrGuards: Handler = async (request, response) => {
    if (!(await issuers.answer(request, response))) await guards(request, response)
  }
  const readiness = {
    ping: () => store.ping(),
    feedAgeMs: () => feed.ageMs(),
    isClosing: () => server().isClosing(),
  }
  const own: Readonly<Record<(typeof ownSegments)[number], Handler>> = {
    '': koaHandler(
      log,
      pageAt('/', (ctx) => ctx.redirect('/docs')),
    ),
    '.well-known': issuerOrGuards,
    api: koaHandler(log, managementApi(parts, guard, described.routes)),
    connections: koaHandler(log, connectionCallback(signInParts(parts))),
    healthz: koaHandler(log, pageAt('/healthz', answersHealth())),
    readyz: koaHandler(log, pageAt('/readyz', answersReadiness(readiness))),
    static: koaHandler(log, answersStyleSheets),
    ...docsHandlers(log, described),
  }
  return siteMap(own, issuerOrGuards)
}

function managementGuard({ config, machine, feed, cached, revocations }: RunningParts): Guard {
  const deps = { records: cached.records, revocations, origin: config.origin, feedAgeMs: () => feed.ageMs() }
  // Nodes keep time together; a key's expiry is not to be outlived by half a minute here.
  return guardFrom(managementSource(deps), { algorithms: ['ES256'], clockSkewSecondsMax: 5 }, machine)
}

/** So many organizations are counted at once: those longest unheard of begin anew. */
const countedMax = 100_000

/** What guards of services ask: `/{service}/bundle`, `/{service}/facts`, `/{service}/decisions` and the like. */
function guardsHandler(parts: RunningParts, guard: Guard): Handler {
  const { config, machine, store, feed, cached, commit, revocations, server } = parts
  const { clock, log, newId } = machine
  const endpoints = guardEndpoints({
    resources: { records: store.records, commit, clock, newId },
    ...{ records: cached.records, revocations, guard, clock, origin: config.origin, changes: store.changes },
    ...{ trails: store.trails, quota: new QuotaCounter('decisions', decisionQuota(config), countedMax) },
    feedAgeMs: () => feed.ageMs(),
    onClosing: (hook) => server().onClosing(hook),
  })
  return koaHandler(log, endpoints)
}
