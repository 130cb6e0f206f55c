import type { Context } from 'koa'
import { requiredConnection } from '../../connections/tenant-discovery.ts'
import { DomainError, hasCode } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { passwordLengthMin } from '../../users/password-rules.ts'
import { brandOf } from '../brand.ts'
import { signInRoute } from '../endpoints.ts'
import { send } from '../pages.ts'
import type { Person } from '../people.ts'
import { openSession, signInSeconds } from './complete.ts'
import { csrfFor, type Form, readForm } from './form.ts'
import { passwordRules, whyRefused } from './new-password.ts'
import type { Own } from './own.ts'
import type { PagesOf } from './pages-of.ts'
import { tooMany } from './password.ts'

/** Below the service's own path: where a person who is signed in changes their password. */
export const ownPasswordPath = `${signInRoute}/password`

/** Whether there is one to change; who has to sign in at their organization's provider has none that is of use. */
export async function hasPassword({ deps }: PagesOf, { user }: Person): Promise<boolean> {
  if (user.password === undefined) return false
  return (await requiredConnection({ records: deps.storedRecords }, user)) === undefined
}

/** Changes the password of who knows the current one. Every session ends; at this browser another begins. */
export async function answerOwnPassword(at: PagesOf, ctx: Context, own: Own): Promise<void> {
  if (!(await hasPassword(at, own.person)))
    throw new DomainError('not_found', 'you have no password here', {
      fix: 'sign in the way your organization does',
    })
  if (ctx.method === 'GET') return show(at, ctx, own)
  const form = await readForm(ctx, at.deps, own.session.uid)
  const error = await change(at, ctx, own, form)
  if (error !== undefined) return show(at, ctx, own, error)
  send(ctx, {
    ...{ kind: 'notice', brand: brandOf(at.service), heading: 'Your password is changed' },
    text: 'You were signed out everywhere but in this browser. Apps that act for you have to ask you to sign in again.',
    link: { url: `/${at.service.slug}${signInRoute}`, text: 'Your sessions and apps' },
  })
}

/** @returns why not, in a sentence or two */
async function change(at: PagesOf, ctx: Context, { person }: Own, form: Form): Promise<string | undefined> {
  const { requestId, address } = arrivalOf(ctx.req)
  const wanted = {
    current: form.get('current_password') ?? '',
    password: form.get('new_password') ?? '',
    serviceId: at.service.id,
  }
  try {
    const answer = await at.deps.accounts.changePassword(person.user, wanted, { requestId, address })
    if ('kind' in answer)
      return answer.kind === 'limited'
        ? tooMany(answer.retryAfterSeconds)
        : 'That is not your current password.'
    const ts = signInSeconds(answer, Math.floor(at.deps.clock() / 1000))
    await openSession(at, ctx, { accountId: answer.id, ts, amr: ['pwd'] })
    return undefined
  } catch (cause) {
    if (!hasCode(cause, 'password_refused')) throw cause
    return whyRefused(cause)
  }
}

function show({ deps, service }: PagesOf, ctx: Context, { person, session }: Own, error?: string): void {
  const page = {
    kind: 'change-password',
    ...{ brand: brandOf(service), error, email: person.user.email },
    ...{ rules: passwordRules, minLength: passwordLengthMin },
    csrf: csrfFor(deps.secrets, session.uid),
    action: `/${service.slug}${ownPasswordPath}`,
    backUrl: `/${service.slug}${signInRoute}`,
  } as const
  send(ctx, page, error === undefined ? 200 : 422)
}
