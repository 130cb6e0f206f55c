import type { Context } from 'koa'
import { DomainError } from '../../errors.ts'
import { usersByEmail } from '../../users/find-user.ts'
import { send } from '../pages.ts'
import { admitted, type Person } from '../people.ts'
import { completeSignIn } from './complete.ts'
import type { Form } from './form.ts'
import type { PagesOf } from './pages-of.ts'
import { formOf, keepProgress, redirectUriOf, type UnderWay } from './under-way.ts'

/** The page that comes next. */
export async function showSignIn(at: PagesOf, ctx: Context, here: UnderWay): Promise<void> {
  if (here.progress.email === undefined)
    send(ctx, { kind: 'email', ...formOf(at, here, 'email') }, 200, [redirectUriOf(here)])
  else showPassword(at, ctx, here)
}

/** Takes in what a page has sent. */
export async function answerSignIn(
  at: PagesOf,
  ctx: Context,
  here: UnderWay,
  { step, form }: { readonly step: string; readonly form: Form },
): Promise<void> {
  switch (step) {
    case 'email':
      return answerEmail(ctx, here, form)
    case 'password':
      return answerPassword(at, ctx, here, form)
    default:
      throw new DomainError('not_found', 'there is no such form')
  }
}

async function answerEmail(ctx: Context, here: UnderWay, form: Form): Promise<void> {
  await keepProgress(here, { email: (form.get('email') ?? '').trim().slice(0, 320) })
  ctx.status = 303
  ctx.redirect(here.path)
}

async function answerPassword(at: PagesOf, ctx: Context, here: UnderWay, form: Form): Promise<void> {
  const person = await personWith(at, here.progress.email ?? '', form.get('password') ?? '')
  if (person === undefined) {
    showPassword(at, ctx, here, 'That is not the password of this address.')
    return
  }
  await completeSignIn(at, ctx, here, person, { amr: ['pwd'] })
}

/** Who has this address and this password, wherever they are. */
async function personWith({ deps }: PagesOf, email: string, password: string): Promise<Person | undefined> {
  const users = await usersByEmail(deps.records, email)
  for (const user of users.length === 0 ? [undefined] : users) {
    const isRight = await deps.verifyPassword(user, password)
    const person = user && (await admitted(deps.records, user))
    if (isRight && person !== undefined) return person
  }
  return undefined
}

function showPassword(at: PagesOf, ctx: Context, here: UnderWay, error?: string): void {
  const { email = '' } = here.progress
  const elsewhere = { organization: at.service.title, forgotUrl: here.path, otherUrl: here.path }
  const page = { kind: 'password', ...formOf(at, here, 'password'), ...elsewhere, email, error } as const
  send(ctx, page, error === undefined ? 200 : 422, [redirectUriOf(here)])
}
