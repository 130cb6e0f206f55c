import { authzenMetadata } from '../decisions/api/authzen-metadata.ts'
import { guardEndpoints } from '../decisions/api/guard-endpoints.ts'
import { WrongTokens } from '../decisions/api/wrong-tokens.ts'
import { docsHandlers } from '../http/docs.ts'
import { answersHealth, answersReadiness } from '../http/health.ts'
import { limiter } from '../http/limits.ts'
import type { ApiDocumentOptions } from '../http/openapi.ts'
import { pageAt } from '../http/page-at.ts'
import { type Handler, koaHandler, siteMap } from '../http/site-map.ts'
import { answersStyleSheets } from '../http/style-sheets.ts'
import { connectionCallback } from '../oauth/sign-in/connection-callback.ts'
import type { ownSegments } from './first-segments.ts'
import { managementApi } from './management-api.ts'
import { guardQuota, wrongTokenQuota } from './quotas.ts'
import type { RunningParts } from './running-parts.ts'
import { signInParts, tokenIssuers } from './token-issuers.ts'

/** The site map. Issuers come first among services' paths: the token endpoint is what must be fast. */
export function site(parts: RunningParts, described: ApiDocumentOptions): Handler {
  const { machine, store, feed, server, guard } = parts
  const { log } = machine
  const issuers = tokenIssuers(parts)
  const guards = guardsHandler(parts)
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

/** Keys of guards, of which every service has a few, and addresses; so many at once. */
const countedMax = 50_000

/** What guards of services ask: `/{service}/bundle`, `/{service}/facts`, `/{service}/decisions` and the like. */
function guardsHandler(parts: RunningParts): Handler {
  const { config, machine, store, cached, feed, commit, revocations, guard, recording, deciders } = parts
  const { clock, log, newId } = machine
  const endpoints = guardEndpoints({
    ...recording,
    resources: { records: store.records, commit, clock, newId },
    ...{ revocations, guard, deciders, origin: config.origin, changes: store.changes },
    callsOfKey: limiter('key', guardQuota(config), countedMax),
    wrongTokens: new WrongTokens({ quota: wrongTokenQuota(config), countedMax }, cached.records),
    feedAgeMs: () => feed.ageMs(),
    onClosing: (hook) => parts.server().onClosing(hook),
  })
  return koaHandler(log, authzenMetadata({ records: cached.records, origin: config.origin }), endpoints)
}
