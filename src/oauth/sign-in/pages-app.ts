import type { IncomingMessage, ServerResponse } from 'node:http'
import Koa, { type Context } from 'koa'
import type { Provider } from 'oidc-provider'
import { DomainError, hasCode } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { securityHeaders } from '../../http/headers.ts'
import { statusOf } from '../../http/status.ts'
import type { Service } from '../../services/service.ts'
import { brandOf } from '../brand.ts'
import { cookieKeys, trustOrigin } from '../cookies.ts'
import { signInRoute } from '../endpoints.ts'
import type { IssuerDeps } from '../issuer-deps.ts'
import { send } from '../pages.ts'
import { beginAlone } from './begin-alone.ts'
import { answerConsent, showConsent } from './consent.ts'
import { readForm } from './form.ts'
import { answerLink, linkPurpose } from './link-page.ts'
import { type Own, signedIn } from './own.ts'
import { answerOwn, showOwn } from './own-page.ts'
import { answerOwnPassword, ownPasswordPath } from './own-password.ts'
import type { PagesOf } from './pages-of.ts'
import { answerSignIn, showSignIn } from './steps.ts'
import { refuseOtherSession, underWay } from './under-way.ts'

/** Below the service's own path: the sign-in, and which of its forms was sent. */
const path = /^\/login\/([\w-]{20,64})(?:\/([a-z-]+))?$/

/** The pages of a service that people see, as a handler of requests whose `url` begins with `/login`. */
export function signInPages(
  deps: IssuerDeps,
  service: Service,
  provider: Provider,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const at: PagesOf = { deps, service, provider }
  const app = new Koa()
  app.keys = [...cookieKeys(deps.secrets, service.id)]
  trustOrigin(app, deps.origin)
  app.on('error', (error: unknown, ctx: Context) => deps.onFault(error, arrivalOf(ctx.req).requestId))
  app.use(securityHeaders())
  app.use((ctx, next) => {
    // A redirect, too: what it answers was for one person at one moment (RFC 9700 §4.3).
    ctx.set('Cache-Control', 'no-store')
    return next()
  })
  app.use((ctx, next) => answerErrors(at, ctx, next))
  app.use((ctx) => answer(at, ctx))
  return app.callback()
}

async function answer(at: PagesOf, ctx: Context): Promise<void> {
  if (ctx.path === signInRoute || ctx.path === `${signInRoute}/`)
    return answerAlone(at, ctx, ctx.method === 'GET' ? showOwn : answerOwn)
  if (ctx.path === ownPasswordPath) return answerAlone(at, ctx, answerOwnPassword)
  const purpose = linkPurpose(ctx.path)
  if (purpose !== undefined) return answerLink(at, ctx, purpose)
  const [, uid, step] = path.exec(ctx.path) ?? []
  if (uid === undefined) throw new DomainError('not_found', 'there is no such page')
  const here = await underWay(at, ctx, uid)
  const { name } = here.interaction.prompt
  if (name === 'consent') await refuseOtherSession(at, ctx, here)
  if (ctx.method === 'GET') {
    await (name === 'consent' ? showConsent(at, ctx, here) : showSignIn(at, ctx, here, step))
    return
  }
  const form = await readForm(ctx, at.deps, uid)
  if (name === 'consent' && step === 'consent') await answerConsent(at, ctx, here, form)
  else if (name !== 'consent') await answerSignIn(at, ctx, here, { step, form })
  else throw new DomainError('not_found', 'there is no such form')
}

/** Without an app: a page of one's own, after signing in. */
async function answerAlone(
  at: PagesOf,
  ctx: Context,
  page: (at: PagesOf, ctx: Context, own: Own) => Promise<void>,
): Promise<void> {
  const own = await signedIn(at, ctx)
  await (own === undefined ? beginAlone(at, ctx) : page(at, ctx, own))
}

async function answerErrors({ deps, service }: PagesOf, ctx: Context, next: Koa.Next): Promise<void> {
  try {
    await next()
  } catch (cause) {
    const { requestId } = arrivalOf(ctx.req)
    const isOurs = !(cause instanceof DomainError)
    if (isOurs) deps.onFault(cause, requestId)
    const [what, fix] = isOurs
      ? ['The fault is ours, and has been noted.', 'Try again in a moment.']
      : [cause.message, cause.fix ?? 'Go back to the app and start again.']
    const page = {
      kind: 'error',
      brand: brandOf(service),
      heading: 'This did not work',
      what,
      fix,
      // Who has used their link has a password now; who has lost it asks there for another link.
      ...(hasCode(cause, 'link_invalid') && {
        link: { url: `/${service.slug}${signInRoute}`, text: 'Sign in' },
      }),
    } as const
    send(ctx, { ...page, requestId }, isOurs ? 500 : statusOf[cause.code])
  }
}
