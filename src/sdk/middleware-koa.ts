import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission } from './guard-answer.ts'
import { HeldResponse } from './held-response.ts'
import { forgetHeaders, type Guarding, guardRequest, problemBody, problemMediaType } from './middleware.ts'
import { nodeBody } from './node-body.ts'
import { headersOfReplaced, headOf, type ResponseDuty } from './response-duty.ts'
import { fulfil } from './whole-body.ts'

/** What is used of a Koa context. */
interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** `body` and `rawBody` are those of a body parser that ran before. */
  readonly request: { readonly method: string; readonly body?: unknown; readonly rawBody?: unknown }
  /** The target before any mounting. */
  readonly originalUrl: string
  readonly state: { latchkey?: Admission }
  readonly method: string
  /** `false`: the API answers without Koa. */
  readonly respond?: boolean | undefined
  readonly response: { get(name: string): string }
  status: number
  body: unknown
  set(name: string, value: string): void
  remove(name: string): void
}

export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>

export function koaMiddleware(guarding: Guarding): KoaMiddleware {
  const { gate } = guarding
  return async (context, next) => {
    const body = nodeBody(context.req, context.res, context.request, guarding.bodies)
    const request = guardRequest(context.req, context.originalUrl, body)
    const metadata = await gate.metadataFor(request)
    if (metadata !== undefined) {
      context.status = metadata.status
      for (const [name, value] of Object.entries(metadata.headers)) context.set(name, value)
      context.body = metadata.body
      return
    }
    if (await gate.isPreflight(request)) {
      await next()
      return
    }
    const answer = await gate.check(request)
    for (const [name, value] of Object.entries(answer.headers)) context.set(name, value)
    if (answer.allowed) {
      context.state.latchkey = answer
      const duty = await guarding.dutyOf(request, answer)
      if (duty === undefined) await next()
      else await nextWithDuty(guarding, context, duty, next)
      return
    }
    context.status = answer.status
    context.set('content-type', problemMediaType)
    context.body = problemBody(answer)
  }
}

/**
 * Does its duty to what the API has made of `body`, so that what stands around the guard, and compresses, say, finds what
 * is shown. What is sent in another way, an error too, is held back where it leaves.
 */
async function nextWithDuty(
  { responses }: Guarding,
  context: KoaContext,
  duty: ResponseDuty,
  next: () => Promise<unknown>,
): Promise<void> {
  forgetHeaders(context.req, duty)
  const held = new HeldResponse(context.res, duty, responses)
  await next()
  const { body, method, respond, status } = context
  const hasBody = body !== undefined && body !== null && method !== 'HEAD'
  if (respond === false || held.hasBegun || !hasBody) return
  const head = headOf(status, (name) => context.response.get(name))
  const fulfilled = await fulfil(duty, head, body, responses)
  if (fulfilled.kind === 'unchanged') context.body = fulfilled.body
  if (fulfilled.kind === 'replaced') {
    const { by } = fulfilled
    context.status = by.status
    for (const name of headersOfReplaced) context.remove(name)
    for (const [name, value] of Object.entries(by.headers)) context.set(name, value)
    context.body = by.body
  }
  held.release(fulfilled.kind === 'replaced' ? 'dropped' : 'kept')
}
