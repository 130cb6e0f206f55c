import type { Middleware } from 'koa'
import { methodNotAllowed } from './authenticate.ts'
import { HttpRefusal } from './refusal.ts'

/** Runs `answer` for GET and HEAD at exactly this path; anything else below the segment is not there. */
export function pageAt(path: string, answer: Middleware): Middleware {
  return (ctx, next) => {
    if (ctx.path !== path) throw new HttpRefusal('not_found', 'not here')
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(['GET', 'HEAD'])
    return answer(ctx, next)
  }
}
