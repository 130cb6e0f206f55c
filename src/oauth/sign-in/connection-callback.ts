import type { Context, Middleware } from 'koa'
import { finishConnectionTest, isTestState } from '../../connections/test-connection.ts'
import type { UpstreamSignIn } from '../../connections/upstream-sign-in.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { statusOf } from '../../http/status.ts'
import { type ConnectionId, parseId } from '../../ids.ts'
import { signInRoute } from '../endpoints.ts'
import type { IssuerDeps } from '../issuer-deps.ts'
import type { Page } from '../page.ts'
import { leave, send } from '../pages.ts'
import { onwardFrom } from '../upstream-sign-out.ts'
import { isSameBrowser, openState } from './return-state.ts'

type Deps = Pick<
  IssuerDeps,
  'storedRecords' | 'secrets' | 'clock' | 'commit' | 'newId' | 'random' | 'origin' | 'onFault'
> & {
  readonly upstream: UpstreamSignIn
}

const brand = { name: 'Latchkey' }
const below = /^\/connections\/([^/]+)\/(callback|signed-out)\/?$/

/**
 * `/connections/{connection}/callback`: where an upstream provider returns (RFC 9700 §4.4: one for each connection). The
 * sign-in's own cookie does not come here; what comes here goes on to it, in the same browser, by a GET of this host.
 * `/connections/{connection}/signed-out`: where it returns from signing out.
 */
export function connectionCallback(deps: Deps): Middleware {
  return async (ctx) => {
    try {
      if (ctx.method !== 'GET') throw new DomainError('method_not_allowed', 'use GET')
      const [, id = '', what] = below.exec(ctx.path) ?? []
      const connectionId = parseId('con', id)
      if (connectionId === undefined) throw notBegun()
      if (what === 'callback') await goOn(deps, ctx, connectionId)
      else signedOut(deps, ctx, connectionId)
    } catch (cause) {
      answerFault(deps, ctx, cause)
    }
  }
}

/** Without a state of ours nobody is led anywhere; some providers do not send it back. */
function signedOut(deps: Deps, ctx: Context, connectionId: ConnectionId): void {
  const next = onwardFrom(deps, connectionId, ctx.query['state'])
  if (next === undefined) send(ctx, { kind: 'logged-out', brand })
  else leave(ctx, brand, next)
}

async function goOn(deps: Deps, ctx: Context, connectionId: ConnectionId): Promise<void> {
  const { state } = ctx.query
  if (typeof state !== 'string') throw notBegun()
  if (isTestState(state)) {
    const callbackUrl = deps.origin + ctx.url
    const { test } = await finishConnectionTest(
      { ...deps, records: deps.storedRecords },
      connectionId,
      { callbackUrl, state },
      arrivalOf(ctx.req),
    )
    send(ctx, tested(test.state.kind === 'passed'))
    return
  }
  const sent = openState(deps.secrets, connectionId, state)
  if (sent === undefined || !isSameBrowser(ctx, deps.origin, sent)) throw notBegun()
  ctx.status = 303
  ctx.redirect(`/${sent.slug}${signInRoute}/${sent.uid}/return?${ctx.querystring}`)
}

function notBegun(): DomainError {
  return new DomainError('not_found', 'this sign-in was begun in another browser, or not at all', {
    fix: 'go back to the app and start again, in one browser',
  })
}

function tested(isPassed: boolean): Page {
  const text = 'You can close this window. What the provider said is shown where the test was begun.'
  const heading = isPassed ? 'The connection works' : 'The connection does not work yet'
  return { kind: 'notice', brand, heading, text }
}

function answerFault({ onFault }: Deps, ctx: Context, cause: unknown): void {
  const { requestId } = arrivalOf(ctx.req)
  const known = cause instanceof DomainError ? cause : undefined
  if (known === undefined) onFault(cause, requestId)
  const what = known?.message ?? 'The fault is ours, and has been noted.'
  const fix = known?.fix ?? 'Try again in a moment.'
  const page = { kind: 'error', brand, heading: 'This did not work', what, fix, requestId } as const
  send(ctx, page, known === undefined ? 500 : statusOf[known.code])
}
