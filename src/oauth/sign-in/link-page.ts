import type { Context } from 'koa'
import { DomainError, hasCode } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import type { LinkPurpose } from '../../users/one-time-link.ts'
import { passwordLengthMin } from '../../users/password-rules.ts'
import { brandOf } from '../brand.ts'
import { signInRoute } from '../endpoints.ts'
import { send } from '../pages.ts'
import { csrfFor, readForm } from './form.ts'
import { passwordRules, whyRefused } from './new-password.ts'
import type { PagesOf } from './pages-of.ts'

/** Which mailed link a path of the sign-in is for. */
export function linkPurpose(path: string): LinkPurpose | undefined {
  return (['invitation', 'reset'] as const).find((purpose) => path === `${signInRoute}/${purpose}`)
}

/** Where a mailed link leads: a password is chosen, and the link is used up by that alone. */
export async function answerLink(at: PagesOf, ctx: Context, purpose: LinkPurpose): Promise<void> {
  const { link: text } = ctx.query
  if (typeof text !== 'string') throw new DomainError('link_invalid', 'there is no link in this address')
  if (ctx.method === 'GET') await showChoosing(at, ctx, purpose, text)
  else await choose(at, ctx, purpose, text)
}

async function choose(at: PagesOf, ctx: Context, purpose: LinkPurpose, text: string): Promise<void> {
  const { deps, service } = at
  const form = await readForm(ctx, deps, text)
  const { requestId, address } = arrivalOf(ctx.req)
  const chosen = { serviceId: service.id, link: text, password: form.get('new_password') ?? '' }
  try {
    await deps.accounts.choosePassword(purpose, chosen, { requestId, address })
  } catch (cause) {
    if (!hasCode(cause, 'password_refused')) throw cause
    await showChoosing(at, ctx, purpose, text, whyRefused(cause))
    return
  }
  const heading = purpose === 'invitation' ? 'Your account is ready' : 'Your password is changed'
  const next = purpose === 'invitation' ? '' : ' You were signed out everywhere.'
  send(ctx, {
    ...{ kind: 'notice', brand: brandOf(service), heading },
    text: `Go back to the app and sign in with your new password, or sign in here.${next}`,
    link: { url: `/${service.slug}${signInRoute}`, text: 'Sign in' },
  })
}

async function showChoosing(
  { deps, service }: PagesOf,
  ctx: Context,
  purpose: LinkPurpose,
  text: string,
  error?: string,
): Promise<void> {
  const { user } = await deps.accounts.findLink(service.id, purpose, text)
  const page = {
    kind: 'new-password',
    ...{
      brand: brandOf(service),
      error,
      email: user.email,
      rules: passwordRules,
      minLength: passwordLengthMin,
    },
    csrf: csrfFor(deps.secrets, text),
    action: `/${service.slug}${signInRoute}/${purpose}?link=${encodeURIComponent(text)}`,
  } as const
  send(ctx, page, error === undefined ? 200 : 422)
}
