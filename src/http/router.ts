import type { Context, Middleware } from 'koa'
import { nodeBody } from '../sdk/node-body.ts'
import { arrivalOf } from './arrival.ts'
import { type Authenticate, methodNotAllowed, refusalOf } from './authenticate.ts'
import { countedAddress } from './counted-address.ts'
import { type Found, routeFinder } from './find-route.ts'
import type { IdempotencyKeys } from './idempotency.ts'
import type { Limiter, Limits } from './limits.ts'
import type { Log } from './log.ts'
import { type BodyLimits, defaultBodyLimits } from './read-body.ts'
import { HttpRefusal } from './refusal.ts'
import type { Principal, Route } from './route.ts'
import { type OnForeignAccess, runRoute } from './run-route.ts'

export interface ApiOptions {
  readonly routes: readonly Route[]
  readonly authenticate: Authenticate
  readonly limits: Limits
  readonly onForeignAccess: OnForeignAccess
  readonly idempotency: IdempotencyKeys
  readonly log: Log
  readonly bodyLimits?: BodyLimits
}

/**
 * The management API from its routes: counted, authenticated and decided before anything else of a request is looked at,
 * so that without a valid token every path below `/api/v1` answers the same 401. Goes behind `answerProblems`.
 */
export function apiRouter(options: ApiOptions): Middleware {
  const find = routeFinder(options.routes)
  const { authenticate, limits, idempotency, onForeignAccess, log, bodyLimits = defaultBodyLimits } = options
  const runOptions = { idempotency, onForeignAccess, log, bodyLimits }
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    await count(ctx, limits.address, countedAddress(arrivalOf(ctx.req).address))
    const found = find(ctx.method, ctx.path)
    const { principal, operationId } = await decide(ctx, found, authenticate)
    await count(ctx, limits.principal, principal.id)
    await count(ctx, limits.organization, principal.organizationId)
    await runRoute(decided(ctx, found, operationId), found.params, ctx, principal, runOptions)
  }
}

/** What is longer is not JSON that any route takes. */
const decidedBodyLimits = {
  bytesMax: defaultBodyLimits.jsonBytesMax,
  secondsMax: defaultBodyLimits.timeoutMs / 1_000,
}

async function decide(
  ctx: Context,
  found: Found,
  authenticate: Authenticate,
): Promise<{ readonly principal: Principal; readonly operationId: string }> {
  const { requestId, address } = arrivalOf(ctx.req)
  const headers = ctx.req.headersDistinct['authorization'] ?? []
  // Two of them can be read in two ways: that is no token.
  const authorization = headers.length > 1 ? '' : headers[0]
  const dpop = ctx.req.headersDistinct['dpop']
  const presented = {
    ...{ method: ctx.method, path: ctx.path, search: ctx.search, authorization, dpop, address, requestId },
    body: nodeBody(ctx.req, ctx.res, {}, decidedBodyLimits),
  }
  const verdict = await authenticate(presented)
  if (verdict.decisionId !== undefined) ctx.set('X-Decision-Id', verdict.decisionId)
  if (verdict.kind === 'denied') throw refusalOf(verdict, presented, found)
  return verdict
}

function decided(ctx: Context, { route, allow }: Found, operationId: string): Route {
  if (route === undefined) {
    throw allow.length === 0 ? new HttpRefusal('not_found', 'not here') : methodNotAllowed(allow)
  }
  // Two readings of one path would run what was not decided. That is our fault, and nothing runs.
  if (route.operationId !== operationId) {
    throw new Error(`decided on ${operationId}, but ${ctx.method} ${ctx.path} is ${route.operationId}`)
  }
  return route
}

async function count(ctx: Context, limiter: Limiter, key: string): Promise<void> {
  ctx.append('RateLimit-Policy', limiter.policy)
  ctx.append('RateLimit', limiter.take(key))
}
