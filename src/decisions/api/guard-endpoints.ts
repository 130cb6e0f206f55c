import { PassThrough } from 'node:stream'
import type { Context, Middleware } from 'koa'
import { z } from 'zod'
import { findClientKey } from '../../client-keys/find-client-key.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { refusalOf } from '../../http/authenticate.ts'
import type { DescribedOperation } from '../../http/described-operation.ts'
import { parseWith } from '../../http/parse-with.ts'
import { defaultBodyLimits, readJson } from '../../http/read-body.ts'
import { type ClientKeyId, parseId } from '../../ids.ts'
import type { LiveRevocations } from '../../revocations/live.ts'
import type { Guard } from '../../sdk/guard.ts'
import { findServiceBySlug } from '../../services/find-service.ts'
import type { Service } from '../../services/service.ts'
import type { Changes, Position, Records } from '../../storage/ports.ts'
import { bundleOf } from '../bundle.ts'
import { factsAskedMax, factsFor } from '../facts.ts'
import { type RecordDeps, recordDecisions } from '../record-decisions.ts'
import type { ServerDeciders } from '../server-deciders.ts'
import { openStream } from '../stream.ts'
import { answerDecide } from './answer-decide.ts'
import { answerExplain } from './answer-explain.ts'
import { answerAuthzen } from './authzen-endpoints.ts'
import { authzenOperations, isAuthzenOperation } from './authzen-operations.ts'
import { decideId, decideOperation } from './decide-operation.ts'
import { DecisionBatchBody, decisionBatchExample, TakenBody } from './decision-batch-body.ts'
import { explainId, explainOperation } from './explain-operation.ts'
import { deniedBy } from './management-authentication.ts'
import type { ResourceDeps } from './registration.ts'
import { answerResources } from './resource-endpoints.ts'
import { isResourceOperation, resourceOperations } from './resource-operations.ts'

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
  readonly origin: string
  readonly feedAgeMs: () => number
  /** Calls when the server begins to close: streams end then. Returns how to forget it. */
  readonly onClosing: (hook: () => void) => () => void
}

const followService = 'followService'
const askFacts = 'askFacts'
const recordDecisionsId = 'recordDecisions'

const names = z.array(z.string().max(500)).max(factsAskedMax).default([])
const FactsBody = z.strictObject({ roles: names, organizations: names, resources: names })

const tag = 'Guards'
const params = { service: 'The service that the key guards: its slug.' }

/** What guards call; operations of the document of `latchkey`, though they are served beside the issuer. */
export const guardOperations: readonly DescribedOperation[] = [
  {
    operationId: followService,
    method: 'GET',
    path: '/{service}/bundle',
    summary: 'Get what a guard needs to decide, or follow what changes',
    description:
      'JSON with an `ETag`; with `Accept: text/event-stream`, a stream of changes that goes on after `Last-Event-ID`.',
    tag,
    params,
    status: 200,
    answer: z.looseObject({ position: z.int(), server_time: z.string() }),
    otherMediaTypes: ['text/event-stream'],
    errors: ['service_not_found'],
  },
  {
    operationId: askFacts,
    method: 'POST',
    path: '/{service}/facts',
    summary: 'Ask for roles, entitlements and resources that a decision needs',
    tag,
    params,
    body: FactsBody,
    example: { roles: [], organizations: ['org_01jq2v7m3zc8k5w9t4x6y1b0ad'] },
    status: 200,
    answer: z.looseObject({ position: z.int() }),
    errors: ['service_not_found'],
  },
  {
    operationId: recordDecisionsId,
    method: 'POST',
    path: '/{service}/decisions',
    summary: 'Tell of decisions, for the decision log',
    description:
      'Up to 1,000 at once. May be sent again: a decision is kept once, by its id. It is listed with the organization of ' +
      'its caller if that may use the service, and with the service.',
    tag,
    params,
    body: DecisionBatchBody,
    example: decisionBatchExample,
    status: 200,
    answer: TakenBody,
    errors: ['service_not_found'],
  },
  decideOperation,
  explainOperation,
  ...authzenOperations,
  ...resourceOperations,
]

/** The role of a guard's key: never in a default entitlement, since only an owner of a service may hold it. */
export const guardRole = {
  description: 'What an API, or its gateway, needs to follow the service that it guards.',
  grantable: true,
  in_default_entitlement: false,
  allow: [
    {
      operations: [
        ...[followService, askFacts, recordDecisionsId, decideId, explainId],
        ...[...authzenOperations, ...resourceOperations].map((one) => one.operationId),
      ],
    },
  ],
} as const

const guardPath =
  /^\/[^/]+\/(?:bundle|facts|decide|decisions|explain|access\/v1\/.+|resources(?:\/(?:batch|stream|owner|reachable))?)$/

/** `/{service}/bundle`, `/facts`, `/decide`, `/explain`, `/decisions` and `/resources`; goes behind `answerProblems`. */
export function guardEndpoints(deps: Deps): Middleware {
  const streams = new OpenStreams()
  return async (ctx, next) => {
    if (!guardPath.test(ctx.path)) return next()
    ctx.set('Cache-Control', 'no-store')
    const { service, operationId, keyId } = await authorize(deps, ctx)
    if (isResourceOperation(operationId)) {
      const { requestId, address } = arrivalOf(ctx.req)
      const by = {
        kind: 'key',
        id: keyId,
        organizationId: service.organizationId,
        requestId,
        address,
      } as const
      const stillAuthorized = async () => void (await authorize(deps, ctx, true))
      return await answerResources(deps.resources, ctx, operationId, { service, by, stillAuthorized })
    }
    if (operationId === askFacts) return await answerFacts(deps, ctx, service)
    if (isAuthzenOperation(operationId)) {
      const { records, resources, clock } = deps
      const storedRecords = resources.records
      const asked = { records, storedRecords, clock, decider: deps.deciders.of(service) }
      return await answerAuthzen(asked, ctx, operationId, service)
    }
    if (operationId === decideId) return await answerDecide(deps.deciders.of(service), ctx)
    if (operationId === explainId) return await answerExplain(deps, service, deps.deciders.of(service), ctx)
    if (operationId === recordDecisionsId) return await takeDecisions(deps, ctx, service)
    return ctx.accepts('json', 'text/event-stream') === 'text/event-stream'
      ? await answerStream(deps, ctx, service, streams.open(keyId))
      : answerBundle(deps, ctx, service)
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

/** An API behind one key may run many times over; a key that has leaked must not hold every connection. */
const streamsOfKeyMax = 100

class OpenStreams {
  readonly #counts = new Map<string, number>()

  /** Counts one more of the key. @returns how to count it off @throws {DomainError} `rate_limited` */
  open(keyId: string): () => void {
    const count = this.#counts.get(keyId) ?? 0
    if (count >= streamsOfKeyMax)
      throw new DomainError('rate_limited', `more than ${streamsOfKeyMax} streams are open with this key`)
    this.#counts.set(keyId, count + 1)
    return () => {
      const left = (this.#counts.get(keyId) ?? 1) - 1
      if (left === 0) this.#counts.delete(keyId)
      else this.#counts.set(keyId, left)
    }
  }
}

/** A guard that reads slower than things happen is cut off: it comes back and goes on where it was. */
const unreadBytesMax = 4 * 1_048_576
/** How often it is asked whether the guard's own token still opens the stream. */
const authorizeAgainMs = 1_000

async function answerStream(deps: Deps, ctx: Context, service: Service, closed: () => void): Promise<void> {
  const body = new PassThrough()
  const end = (): void => {
    body.end()
  }
  const send = (text: string): void => {
    if (body.writableLength > unreadBytesMax) body.destroy()
    else if (!body.writableEnded) body.write(text)
  }
  const after = readPosition(ctx.get('Last-Event-ID'))
  const stop = await openStream(deps, { service, after, send }).catch((error: unknown) => {
    closed()
    throw error
  })
  const forgetHook = deps.onClosing(end)
  const again = setInterval(() => {
    authorize(deps, ctx, true).catch(end)
  }, authorizeAgainMs).unref()
  body.once('close', () => {
    closed()
    stop()
    forgetHook()
    clearInterval(again)
  })
  ctx.res.once('close', () => body.destroy())
  // An idle stream is no idle connection: the server's own time limits are for requests.
  ctx.req.socket.setTimeout(0)
  ctx.set('Content-Type', 'text/event-stream; charset=utf-8')
  ctx.set('X-Accel-Buffering', 'no')
  ctx.status = 200
  ctx.body = body
}

/** A position that is none is the one before the first: the answer is all there is, or `reset`. */
function readPosition(text: string): Position | undefined {
  if (text === '') return undefined
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}
