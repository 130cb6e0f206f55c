import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { errors, type Provider } from 'oidc-provider'
import { Html, html, page, styleSource } from '../html.ts'
import { readForm } from '../read-form.ts'
import type { Person } from './people.ts'

type FindPerson = (email: string, password: string) => Person | undefined

/** The one page that the provider has: a plain form for e-mail and password. */
export function signInPages(provider: Provider, name: string, findPerson: FindPerson): Router {
  const router = new Router()
  router.get('/sign-in/:uid', async (ctx) => {
    // Finds the sign-in by the browser's own cookie: the address alone opens nothing.
    const { params } = await provider.interactionDetails(ctx.req, ctx.res)
    show(ctx, signInPage(name, String(params['login_hint'] ?? '')))
  })
  router.post('/sign-in/:uid', async (ctx) => {
    await provider.interactionDetails(ctx.req, ctx.res)
    const form = await readForm(ctx)
    const email = form.get('email') ?? ''
    const person = findPerson(email, form.get('password') ?? '')
    if (person === undefined) {
      show(ctx, signInPage(name, email, 'That is not an address and password that we know.'), 401)
      return
    }
    ctx.respond = false
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: person.id, amr: ['pwd'] } })
  })

  return router
}

/** Tells whoever comes late, or from another browser. */
export function tellEndedSignIns(name: string): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (!(error instanceof errors.SessionNotFound)) throw error
      show(
        ctx,
        page(name, html`<p>This sign-in has ended. Go back to where you came from and begin again.</p>`),
        400,
      )
    }
  }
}

export function show(ctx: Context, body: string, status = 200): void {
  ctx.status = status
  ctx.type = 'html'
  ctx.set('cache-control', 'no-store')
  ctx.set('content-security-policy', `default-src 'none'; style-src ${styleSource}; frame-ancestors 'none'`)
  ctx.body = body
}

function signInPage(name: string, email: string, error?: string): string {
  return page(
    name,
    html`
      ${error === undefined ? '' : html`<p role="alert">${error}</p>`}
      <form method="post">
        <p><label>E-mail <input type="email" name="email" value="${email}" autocomplete="username" required></label></p>
        <p><label>Password <input type="password" name="password" autocomplete="current-password" required></label></p>
        <p><button>Sign in</button></p>
      </form>`,
  )
}

/** @param form the library's own, with its protection against forgery, for a button to belong to */
export function signOutPage(name: string, form: string): string {
  const button = html`<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`
  return page(name, html`<p>Sign out here, too?</p>${new Html(form)}<p>${button}</p>`)
}

export function signedOutPage(name: string): string {
  return page(name, html`<p>You are signed out.</p>`)
}
