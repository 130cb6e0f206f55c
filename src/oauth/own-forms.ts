import type { Context } from 'koa'
import type { Service } from '../services/service.ts'
import { brandOf } from './brand.ts'
import { deviceRoute, logoutRoute } from './endpoints.ts'
import { exchangeOf } from './exchange.ts'
import { send } from './pages.ts'

const ownForms: ReadonlySet<string> = new Set([deviceRoute, `${logoutRoute}/confirm`])

/**
 * Whether this answers one of the forms that the library reads: they have its token, and no other site has cause to send
 * them. To the logout endpoint itself an app may send people by POST (RP-Initiated Logout 1.0 §2).
 */
export function isOwnForm({ method, path }: Pick<Context, 'method' | 'path'>): boolean {
  return method === 'POST' && ownForms.has(path.toLowerCase().replace(/\/$/, ''))
}

export function answerOtherSite(service: Service, ctx: Context): void {
  const { requestId } = exchangeOf(ctx)
  const page = { kind: 'error', brand: brandOf(service), heading: 'This did not work', requestId } as const
  const what = 'the form did not come from this page'
  send(ctx, { ...page, what, fix: 'go back to where you came from and start again' }, 403)
}
