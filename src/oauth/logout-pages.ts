import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { appOfLibrary } from './app-on-page.ts'
import { brandOf } from './brand.ts'
import { logoutRoute, signInRoute } from './endpoints.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { isEnded, upstreamOfSession } from './library-overrides.ts'
import { leave, send } from './pages.ts'
import { signOutUpstream } from './upstream-sign-out.ts'

const stayed = 'Nothing was changed. You can close this page, or go back to the app.'

type Logout = NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']>

/**
 * Where nobody is signed in there is nothing to ask: the library would answer with a page whose script goes on. RP-Initiated
 * Logout 1.0 §3: back to the app, if the address is one of its own. From the form that asks, the app is reached by `leave`,
 * by way of the person's own provider where the connection asks for it.
 */
export async function finishLogout(
  deps: IssuerDeps,
  service: Service,
  ctx: KoaContextWithOIDC,
): Promise<void> {
  const { session, route } = ctx.oidc
  if (route === 'end_session_confirm' && ctx.status === 303) {
    const next = ctx.response.get('location')
    const ended = session !== undefined && isEnded(session) ? upstreamOfSession(session) : undefined
    leave(ctx, brandOf(service), (await signOutUpstream(deps, ended, next)) ?? next)
    return
  }
  if (route !== 'end_session' || ctx.status !== 200 || session?.accountId !== undefined) return
  const { postLogoutRedirectUri, state } = session?.state ?? {}
  const next = new URL(ctx.oidc.urlFor('end_session_success'))
  const back = typeof postLogoutRedirectUri === 'string' ? new URL(postLogoutRedirectUri) : next
  if (back !== next && typeof state === 'string') back.searchParams.set('state', state)
  ctx.body = ''
  ctx.status = 303
  ctx.redirect(back.href)
}

/** OpenID Connect RP-Initiated Logout 1.0: the person is asked, since anybody can send them here. */
export function rpInitiatedLogout(deps: { readonly records: Records }, service: Service) {
  const brand = brandOf(service)
  return {
    enabled: true,
    logoutSource: async (ctx) => {
      const { client, session } = ctx.oidc
      const wayBack = session?.state?.['postLogoutRedirectUri']
      const page = {
        kind: 'logout',
        brand,
        action: `/${service.slug}${logoutRoute}/confirm`,
        csrf: String(session?.state?.['secret']),
        ...(client && { app: (await appOfLibrary(deps, service, ctx, client)).name }),
      } as const
      send(ctx, page, 200, typeof wayBack === 'string' ? [wayBack] : [])
    },
    postLogoutSuccessSource: async (ctx) => {
      // The library comes here, too, when the person has chosen to stay.
      const { accountId } = await ctx.oidc.provider.Session.get(ctx)
      const signInUrl = `/${service.slug}${signInRoute}`
      if (accountId === undefined) send(ctx, { kind: 'logged-out', brand, signInUrl })
      else send(ctx, { kind: 'notice', brand, heading: 'You are still signed in', text: stayed })
    },
  } satisfies Logout
}
