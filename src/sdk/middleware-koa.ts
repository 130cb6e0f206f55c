import type { IncomingMessage } from 'node:http'
import type { Admission, Gate } from './guard-answer.ts'
import { guardRequest, problemBody, problemMediaType } from './middleware.ts'

/** What is used of a Koa context. */
interface KoaContext {
  readonly req: IncomingMessage
  /** The target before any mounting. */
  readonly originalUrl: string
  readonly state: { latchkey?: Admission }
  status: number
  body: unknown
  set(name: string, value: string): void
}

export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>

export function koaMiddleware(gate: Gate): KoaMiddleware {
  return async (context, next) => {
    const request = guardRequest(context.req, context.originalUrl)
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
