import type { Context } from 'koa'
import { z } from 'zod'
import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { apiPrefix } from './find-route.ts'
import { type IdempotencyKeys, once } from './idempotency.ts'
import { etagOf, readIfMatch } from './if-match.ts'
import type { Log } from './log.ts'
import { onceMore } from './once-more.ts'
import { parseWith } from './parse-with.ts'
import { checkParameters, namedOrganization } from './path-parameters.ts'
import { type BodyLimits, hasBody, readDocumentText, readJson } from './read-body.ts'
import { readQuery } from './read-query.ts'
import type { Answer, Principal, Route, RouteInput } from './route.ts'

/** Writes that a principal of the operator looked into another organization, into that organization's audit trail. */
export type OnForeignAccess = (
  principal: Principal,
  organizationId: OrganizationId,
  operationId: string,
) => Promise<void>

export interface RunOptions {
  readonly bodyLimits: BodyLimits
  readonly idempotency: IdempotencyKeys
  readonly onForeignAccess: OnForeignAccess
  readonly log: Log
}

type Input = RouteInput<unknown, unknown>

/** Runs an allowed operation: reads what was sent, calls the handler, writes the answer. */
export async function runRoute(
  route: Route,
  params: Readonly<Record<string, string>>,
  ctx: Context,
  principal: Principal,
  options: RunOptions,
): Promise<void> {
  const query = parseWith((route.query ?? z.object({})).strict(), readQuery(ctx.querystring), 'query')
  const body = await bodyOf(route, ctx, options.bodyLimits)
  const ifMatch = readIfMatch(ctx.get('If-Match') || undefined)
  // After the rest is read, so that garbage and what is absent are answered alike whatever else is wrong.
  checkParameters(route, params)
  const organizationId = namedOrganization(params) ?? principal.organizationId
  const input: Input = { principal, organizationId, params, query, body, ifMatch }
  const answer = await answerTo(route, ctx, input, options)
  if (route.method === 'GET' && organizationId !== principal.organizationId) {
    // Before anything is shown: a look that cannot be recorded is not given.
    await options.onForeignAccess(principal, organizationId, route.operationId)
  }
  writeAnswer(route, ctx, answer)
}

const noFields = z.strictObject({})

async function bodyOf(route: Route, ctx: Context, limits: BodyLimits): Promise<unknown> {
  if (route.method === 'GET') {
    // RFC 9110 §9.3.1: a body of GET has no meaning, and what reads it differently may be tricked by it.
    if (hasBody(ctx.req))
      throw new DomainError('invalid_request', 'GET takes no body.', { fix: 'Send none.' })
    return undefined
  }
  const schema = route.body ?? noFields
  if (route.bodyIs === 'document') return parseWith(schema, await readDocumentText(ctx.req, limits), 'body')
  // No body is an empty object: it has the defaults, or it is told by name what it lacks.
  return parseWith(schema, (await readJson(ctx.req, limits)) ?? {}, 'body')
}

function answerTo(
  route: Route,
  ctx: Context,
  input: Input,
  { idempotency, log }: RunOptions,
): Promise<Answer<unknown>> {
  if (route.method === 'GET') return route.handle(input)
  const request = {
    organizationId: input.principal.organizationId,
    principalId: input.principal.id,
    method: route.method,
    path: ctx.path,
    query: input.query,
    body: input.body,
    header: ctx.get('Idempotency-Key') || undefined,
  }
  return once({ keys: idempotency, log }, request, madeIdOf, () =>
    onceMore(input.ifMatch, () => route.handle(input)),
  )
}

function madeIdOf({ body, location }: Answer<unknown>): string | undefined {
  const id = typeof body === 'object' && body !== null && 'id' in body ? body.id : undefined
  return typeof id === 'string' ? id : location?.split('/').at(-1)
}

function writeAnswer(route: Route, ctx: Context, answer: Answer<unknown>): void {
  const { body, version, location, mediaType } = answer
  ctx.status = route.status
  if (version !== undefined) ctx.set('ETag', etagOf(version))
  if (location !== undefined) ctx.set('Location', apiPrefix + location)
  if (route.status === 204) return
  if (mediaType !== undefined) {
    ctx.type = mediaType
    ctx.body = String(body)
    return
  }
  // The document's promise is kept here: what the schema does not name does not leave.
  ctx.type = 'application/json'
  ctx.body = JSON.stringify(route.answer === undefined ? body : route.answer.parse(body))
}
