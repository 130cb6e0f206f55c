import type { Context } from 'koa'
import { signInRoute } from '../endpoints.ts'
import { makeInteraction } from '../library-overrides.ts'
import { interactionSeconds } from '../session-life.ts'
import type { PagesOf } from './pages-of.ts'

/** Begins a sign-in that no app has asked for: it leads to one's own page. */
export async function beginAlone({ provider, deps, service }: PagesOf, ctx: Context): Promise<void> {
  const uid = Buffer.from(deps.random(32)).toString('base64url')
  const home = `/${service.slug}${signInRoute}`
  const interaction = makeInteraction(provider, uid, {
    returnTo: deps.origin + home,
    prompt: { name: 'login', reasons: ['no_session'], details: {} },
    params: {},
    cid: uid,
  })
  await interaction.save(interactionSeconds)
  const path = `${home}/${uid}`
  const maxAge = interactionSeconds * 1000
  const name = provider.cookieName('interaction')
  ctx.cookies.set(name, uid, { path, maxAge, httpOnly: true, sameSite: 'lax' })
  ctx.status = 303
  ctx.redirect(path)
}
