import type { Middleware } from 'koa'
import { feedAgeMsMax } from '../storage/feed.ts'

const pingMsMax = 2_000

export interface ReadinessChecks {
  /** Resolves if the store answers now. */
  readonly ping: () => Promise<void>
  /** How long ago the feed of changes was last read to its end; in milliseconds. */
  readonly feedAgeMs: () => number
  readonly isClosing: () => boolean
}

type Missing = 'store' | 'feed' | 'shutting_down'

/** `GET /healthz`: the process is up and answers. Asks nothing else, so that a store's outage restarts no process. */
export function answersHealth(): Middleware {
  return (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: 'ok' }
  }
}

/** `GET /readyz`: 200 if requests can be served well here, else 503 with what is missing. */
export function answersReadiness(checks: ReadinessChecks): Middleware {
  return async (ctx) => {
    const missing = await missingFor(checks)
    ctx.set('Cache-Control', 'no-store')
    ctx.status = missing.length === 0 ? 200 : 503
    ctx.body = { status: missing.length === 0 ? 'ready' : 'not_ready', missing }
  }
}

async function missingFor({ ping, feedAgeMs, isClosing }: ReadinessChecks): Promise<readonly Missing[]> {
  const missing: Missing[] = []
  if (isClosing()) missing.push('shutting_down')
  if (!(await answersInTime(ping))) missing.push('store')
  if (feedAgeMs() > feedAgeMsMax) missing.push('feed')
  return missing
}

async function answersInTime(ping: () => Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<false>()
  const timer = setTimeout(() => late.resolve(false), pingMsMax)
  const answered = ping().then(
    () => true,
    // The answer to a load balancer is that the store is missing; why is logged where the store is used.
    () => false,
  )
  const inTime = await Promise.race([answered, late.promise])
  clearTimeout(timer)
  return inTime
}
