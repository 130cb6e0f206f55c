import type { Context, Middleware } from 'koa'
import { maskSecrets } from '../sdk/mask-secrets.ts'
import { arrivalOf } from './arrival.ts'
import { errorForLog, type Log } from './log.ts'
import { problemMediaType, problemOf } from './problem.ts'
import { problemPage, wantsPage } from './problem-page.ts'
import { HttpRefusal } from './refusal.ts'

/** Whatever goes wrong behind it is answered as a problem; what is our own fault is logged with its cause. */
export function answerProblems(log: Log): Middleware {
  return async (ctx, next) => {
    try {
      await next()
      if (ctx.status === 404 && ctx.body === undefined) throw new HttpRefusal('not_found', 'not here')
    } catch (error) {
      writeProblem(ctx, error, log)
    }
  }
}

function writeProblem(ctx: Context, error: unknown, log: Log): void {
  const { requestId, address } = arrivalOf(ctx.req)
  const problem = problemOf(error, requestId)
  const line = {
    request_id: requestId,
    address,
    method: ctx.method,
    path: maskSecrets(ctx.path),
    status: problem.status,
  }
  if (problem.status >= 500) log.error({ ...line, err: errorForLog(error) }, 'a request failed')
  else log.debug(line, 'a request was refused')
  ctx.status = problem.status
  ctx.set(problem.headers)
  ctx.vary('Accept')
  const isPage = wantsPage(ctx)
  ctx.type = isPage ? 'text/html' : problemMediaType
  ctx.body = isPage ? problemPage(problem.body) : problem.body
}
