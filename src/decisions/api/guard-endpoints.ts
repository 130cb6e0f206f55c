import type { Context, Middleware } from 'koa'
import type { z } from 'zod'
import { findClientKey } from '../../client-keys/find-client-key.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { refusalOf } from '../../http/authenticate.ts'
import type { Limiter } from '../../http/limits.ts'
import { parseWith } from '../../http/parse-with.ts'
import { defaultBodyLimits, readJson } from '../../http/read-body.ts'
import { type ClientKeyId, parseId } from '../../ids.ts'
import type { LiveRevocations } from '../../revocations/live.ts'
import type { Guard } from '../../sdk/guard.ts'
import { findServiceBySlug } from '../../services/find-service.ts'
import type { Service } from '../../services/service.ts'
import type { Changes, Position, Records } from '../../storage/ports.ts'
import { bundleOf } from '../bundle.ts'
import { factsFor } from '../facts.ts'
import { type RecordDeps, recordDecisions } from '../record-decisions.ts'
import type { ServerDeciders } from '../server-deciders.ts'
import { answerDecide } from './answer-decide.ts'
import { answerExplain } from './answer-explain.ts'
import { answerAuthzen } from './authzen-endpoints.ts'
import { isAuthzenOperation, isSearch } from './authzen-operations.ts'
import { decideId } from './decide-operation.ts'
import { DecisionBatchBody, type TakenBody } from './decision-batch-body.ts'
import { explainId } from './explain-operation.ts'
import { askFactsId, FactsBody, recordDecisionsId } from './guard-operations.ts'
import { answerStream } from './guard-stream.ts'
import { deniedBy } from './management-authentication.ts'
import { OpenStreams } from './open-streams.ts'
import type { ResourceDeps } from './registration.ts'
import { answerResources } from './resource-endpoints.ts'
import { isResourceOperation, registrationsOfKeyMax, streamResourcesId } from './resource-operations.ts'
import type { Spend } from './spend.ts'

interface Deps extends RecordDeps {
  /** The cached ones: each look is a look-up in memory. */
  readonly records: Records
  readonly changes: Changes
  /** What is told of resources goes into the store itself. */
  readonly resources: ResourceDeps
  readonly revocations: LiveRevocations
  /** Who decide here, for guards that ask. */
  readonly deciders: ServerDeciders
  /** The guard of the service `latchkey`. */
  readonly guard: Guard
  /** What each guard's key asks, in any of its tokens. */
  readonly callsOfKey: Limiter
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
    const { service, operationId, keyId } = await authorize(deps, ctx)
    const spend = spending(deps.callsOfKey, ctx, keyId)
    spend(isSearch(operationId) ? searchCounts : 1)
    const stillAuthorized = async () => void (await authorize(deps, ctx, true))
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

const authzenPath = /^\/[^/]+\/access\/v1\//

/**
 * To AuthZEN the identifier of a request is any text, and is answered as it was sent (§10.1.3). Where it is no id that is
 * safe in a log, the request has one of its own there, which a refusal tells as `request_id`.
 */
function echoRequestId(ctx: Context): void {
  const sent = ctx.get('X-Request-ID')
  if (sent !== '') ctx.set('X-Request-ID', sent)
}

/** Each looks at up to a thousand candidates, most of which cost less than a call. */
const searchCounts = 100

/** Counts what a call costs, and says what is left. @throws {HttpRefusal} `rate_limited` */
function spending(limiter: Limiter, ctx: Context, keyId: ClientKeyId): Spend {
  return (calls) => {
    if (calls === 0) return
    ctx.set('RateLimit-Policy', limiter.policy)
    ctx.set('RateLimit', limiter.take(keyId, calls))
  }
}

/**
 * The key must be one that guards the very service in the path, and of that service's owner; anything else looks like
 * a service that does not exist.
 */
async function authorize(
  deps: Deps,
  ctx: Context,
  admittedBefore = false,
): Promise<{ service: Service; operationId: string; keyId: ClientKeyId }> {
  const { requestId, address } = arrivalOf(ctx.req)
  const { authorization, dpop } = ctx.req.headersDistinct
  const answer = await deps.guard.check({
    method: ctx.method,
    url: ctx.req.url ?? '/',
    authorization,
    dpop,
    address,
    ...(admittedBefore ? { admittedBefore } : {}),
  })
  if (!admittedBefore) ctx.set('X-Decision-Id', answer.decisionId)
  if (!answer.allowed) {
    const presented = {
      method: ctx.method,
      path: ctx.path,
      authorization: authorization?.[0],
      dpop,
      address,
      requestId,
    }
    throw refusalOf(deniedBy(answer), presented, {
      namesOrganization: false,
      allow: [],
    })
  }
  const { caller, operation, parameters } = answer
  const slug = parameters['service'] ?? ''
  const keyId = parseId('key', caller?.id ?? '')
  const [key, service] = await Promise.all([
    keyId && findClientKey(deps.records, keyId),
    findServiceBySlug(deps.records, slug),
  ])
  const guards =
    service !== undefined &&
    key?.guardsServiceId === service.id &&
    service.organizationId === key.organizationId &&
    key.organizationId === caller?.organizationId
  if (!guards) throw new DomainError('service_not_found', `no service ${slug}`)
  return { service, operationId: operation.id, keyId: key.id }
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
