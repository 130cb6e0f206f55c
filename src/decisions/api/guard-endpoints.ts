import type { Context, Middleware } from 'koa'
import type { z } from 'zod'
import { arrivalOf } from '../../http/arrival.ts'
import { parseWith } from '../../http/parse-with.ts'
import { defaultBodyLimits, readJson } from '../../http/read-body.ts'
import type { LiveRevocations } from '../../revocations/live.ts'
import type { Service } from '../../services/service.ts'
import type { Changes, Position, Records } from '../../storage/ports.ts'
import { bundleOf } from '../bundle.ts'
import { factsFor } from '../facts.ts'
import { type RecordDeps, recordDecisions } from '../record-decisions.ts'
import type { ServerDeciders } from '../server-deciders.ts'
import { answerDecide } from './answer-decide.ts'
import { answerExplain } from './answer-explain.ts'
import { type AuthorizeDeps, authorizeAgain, authorizeGuard } from './authorize-guard.ts'
import { answerAuthzen } from './authzen-endpoints.ts'
import { isAuthzenOperation, isSearch } from './authzen-operations.ts'
import { decideId } from './decide-operation.ts'
import { DecisionBatchBody, type TakenBody } from './decision-batch-body.ts'
import { explainId } from './explain-operation.ts'
import { askFactsId, FactsBody, recordDecisionsId } from './guard-operations.ts'
import { answerStream } from './guard-stream.ts'
import { OpenStreams } from './open-streams.ts'
import type { ResourceDeps } from './registration.ts'
import { answerResources } from './resource-endpoints.ts'
import {
  isResourceOperation,
  reachableResourcesId,
  registrationsOfKeyMax,
  streamResourcesId,
} from './resource-operations.ts'

interface Deps extends RecordDeps, AuthorizeDeps {
  /** The cached ones: each look is a look-up in memory. */
  readonly records: Records
  readonly changes: Changes
  /** What is told of resources goes into the store itself. */
  readonly resources: ResourceDeps
  readonly revocations: LiveRevocations
  /** Who decide here, for guards that ask. */
  readonly deciders: ServerDeciders
  readonly origin: string
  readonly feedAgeMs: () => number
  /** Calls when the server begins to close: streams end then. Returns how to forget it. */
  readonly onClosing: (hook: () => void) => () => void
}

const guardPath =
  /^\/[^/]+\/(?:bundle|facts|decide|decisions|explain|access\/v1\/.+|resources(?:\/(?:batch|stream|owner|reachable))?)$/

/** An API behind one key may run many times over; a key that has leaked must not hold every connection. */
const streamsOfKeyMax = 100

/** `/{service}/bundle`, `/facts`, `/decide`, `/explain`, `/decisions` and `/resources`; goes behind `answerProblems`. */
export function guardEndpoints(deps: Deps): Middleware {
  const streams = new OpenStreams(streamsOfKeyMax)
  const registrations = new OpenStreams(registrationsOfKeyMax)
  return async (ctx, next) => {
    if (!guardPath.test(ctx.path)) return next()
    ctx.set('Cache-Control', 'no-store')
    if (authzenPath.test(ctx.path)) echoRequestId(ctx)
    const { service, operationId, keyId, spend } = await authorizeGuard(deps, ctx)
    // One call is counted already.
    if (looksThroughMany(operationId)) spend(searchCounts - 1)
    const stillAuthorized = () => authorizeAgain(deps, ctx)
    if (isResourceOperation(operationId)) {
      if (operationId === streamResourcesId) registrations.openUntilClosed(keyId, ctx.res)
      const { requestId, address } = arrivalOf(ctx.req)
      const by = {
        kind: 'key',
        id: keyId,
        organizationId: service.organizationId,
        requestId,
        address,
      } as const
      return await answerResources(deps.resources, ctx, operationId, { service, by, stillAuthorized })
    }
    if (operationId === askFactsId) return await answerFacts(deps, ctx, service)
    if (isAuthzenOperation(operationId)) {
      const { records, resources, clock } = deps
      const storedRecords = resources.records
      const asked = { records, storedRecords, clock, decider: deps.deciders.of(service), spend }
      return await answerAuthzen(asked, ctx, operationId, service)
    }
    if (operationId === decideId) return await answerDecide(deps.deciders.of(service), ctx, spend)
    if (operationId === explainId) return await answerExplain(deps, service, deps.deciders.of(service), ctx)
    if (operationId === recordDecisionsId) return await takeDecisions(deps, ctx, service)
    return ctx.accepts('json', 'text/event-stream') === 'text/event-stream'
      ? await answerStream(deps, ctx, service, { stillAuthorized, closed: streams.open(keyId) })
      : answerBundle(deps, ctx, service)
  }
}

/** Each looks at up to a thousand candidates, most of which cost less than a call. */
const searchCounts = 100

function looksThroughMany(operationId: string): boolean {
  return isSearch(operationId) || operationId === reachableResourcesId
}

const authzenPath = /^\/[^/]+\/access\/v1\//

/**
 * To AuthZEN the identifier of a request is any text, and is answered as it was sent (§10.1.3). Where it is no id that is
 * safe in a log, the request has one of its own there, which a refusal tells as `request_id`.
 */
function echoRequestId(ctx: Context): void {
  const sent = ctx.get('X-Request-ID')
  if (sent !== '') ctx.set('X-Request-ID', sent)
}

function answerBundle(deps: Deps, ctx: Context, service: Service): void {
  const { bundle, etag } = bundleOf(deps, service)
  ctx.status = 200
  ctx.set('ETag', etag)
  if (ctx.fresh) {
    ctx.status = 304
    return
  }
  ctx.body = bundle
}

async function answerFacts(deps: Deps, ctx: Context, service: Service): Promise<void> {
  const question = parseWith(FactsBody, (await readJson(ctx.req, defaultBodyLimits)) ?? {}, 'body')
  const position = (): Position => deps.revocations.position()
  const { records, resources } = deps
  ctx.body = await factsFor({ records, resourceRecords: resources.records, position }, service, question)
}

async function takeDecisions(deps: Deps, ctx: Context, service: Service): Promise<void> {
  const batch = parseWith(DecisionBatchBody, (await readJson(ctx.req, defaultBodyLimits)) ?? {}, 'body')
  const { recorded, repeated, overQuota } = await recordDecisions(deps, service, batch)
  ctx.body = { recorded, repeated, over_quota: overQuota } satisfies z.input<typeof TakenBody>
}
