import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission, Gate } from './guard-answer.ts'
import { guardRequest, problemBody, problemMediaType } from './middleware.ts'
import { nodeBody } from './node-body.ts'
import type { BodyLimits } from './request-body.ts'

/** What is used of a Koa context. */
interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** `body` and `rawBody` are those of a body parser that ran before. */
  readonly request: { readonly method: string; readonly body?: unknown; readonly rawBody?: unknown }
  /** The target before any mounting. */
  readonly originalUrl: string
  readonly state: { latchkey?: Admission }
  status: number
  body: unknown
  set(name: string, value: string): void
}

export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>

export function koaMiddleware(gate: Gate, limits: BodyLimits): KoaMiddleware {
  return async (context, next) => {
    const body = nodeBody(context.req, context.res, context.request, limits)
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
      await next()
      return
    }
    context.status = answer.status
    context.set('content-type', problemMediaType)
    context.body = problemBody(answer)
  }
}
