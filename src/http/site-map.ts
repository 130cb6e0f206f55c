import type { IncomingMessage, ServerResponse } from 'node:http'
import Koa, { type Middleware } from 'koa'
import { answerProblems } from './answer-problems.ts'
import { securityHeaders } from './headers.ts'
import { errorForLog, type Log } from './log.ts'

/** Answers a request. Not `unknown`: a function that makes a handler must not pass for one. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/**
 * Sends each request to the handler of its first path segment, as it is written; the rest to `fallback`. No middleware
 * runs in between: what the token endpoint does not need it does not pay for.
 */
export function siteMap(handlers: Readonly<Record<string, Handler>>, fallback: Handler): Handler {
  const bySegment = new Map(Object.entries(handlers))
  return (request, response) => {
    const handler = bySegment.get(firstSegment(request.url ?? '/')) ?? fallback
    return handler(request, response)
  }
}

function firstSegment(url: string): string {
  let end = 1
  while (end < url.length && url[end] !== '/' && url[end] !== '?') end++
  return url.slice(1, end)
}

/** Middlewares as a handler of the site map, with security headers and problems answered around them. */
export function koaHandler(log: Log, ...middlewares: readonly Middleware[]): Handler {
  const app = new Koa()
  // Only what breaks while an answer is being written gets there; the rest has been answered as a problem.
  app.on('error', (error: unknown) => log.debug({ err: errorForLog(error) }, 'an answer was cut short'))
  app.use(securityHeaders())
  app.use(answerProblems(log))
  for (const middleware of middlewares) app.use(middleware)
  return app.callback()
}
