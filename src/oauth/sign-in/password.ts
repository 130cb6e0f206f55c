import type { Context } from 'koa'
import { requiredConnection } from '../../connections/tenant-discovery.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { getOrganization } from '../../organizations/organization.ts'
import { signInOf } from '../../services/sign-in.ts'
import { usersByEmail } from '../../users/find-user.ts'
import { admitted, type Person } from '../people.ts'
import { completeSignIn } from './complete.ts'
import type { Form } from './form.ts'
import type { PagesOf } from './pages-of.ts'
import { formOf, show, type UnderWay } from './under-way.ts'

const wrong = 'That is not the password of this address.'

export async function showPassword(at: PagesOf, ctx: Context, here: UnderWay, error?: string): Promise<void> {
  const { email = '', organizationId } = here.progress
  if (organizationId === undefined) throw notThere()
  const { name } = await getOrganization(at.deps.records, organizationId)
  const ways = { forgotUrl: `${here.path}/forgot`, otherUrl: `${here.path}/other` }
  const page = { kind: 'password', ...formOf(at, here, 'password'), ...ways, email, error } as const
  show(ctx, here, { ...page, organization: name }, error === undefined ? 200 : 422)
}

export async function answerPassword(at: PagesOf, ctx: Context, here: UnderWay, form: Form): Promise<void> {
  const { email = '', organizationId, isProven } = here.progress
  if (organizationId === undefined) throw notThere()
  const password = form.get('password') ?? ''
  const person = await personWith(at, here, { email, password, address: arrivalOf(ctx.req).address })
  if (typeof person === 'string') return showPassword(at, ctx, here, person)
  const acr = signInOf(at.service).passwordAcr ?? undefined
  // RFC 8176: the mailed code is a factor only where it was asked for.
  await completeSignIn(at, ctx, here, person, { amr: isProven === true ? ['pwd', 'otp'] : ['pwd'], acr })
}

/** Who has this address and this password in the organization that was found or chosen; or why nobody comes in. */
async function personWith(
  { deps }: PagesOf,
  { progress }: UnderWay,
  tried: { readonly email: string; readonly password: string; readonly address: string },
): Promise<Person | string> {
  const records = deps.storedRecords
  const found = await usersByEmail(records, tried.email)
  const user = found.find(({ organizationId }) => organizationId === progress.organizationId)
  const answer = await deps.accounts.tryPassword(user, tried)
  if (answer.kind === 'limited') return tooMany(answer.retryAfterSeconds)
  if (user === undefined || answer.kind === 'wrong') return wrong
  if ((await requiredConnection({ records }, user)) !== undefined) throw elsewhere()
  return (await admitted(records, user)) ?? wrong
}

export function tooMany(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  return `Too many tries. Wait ${minutes === 1 ? 'a minute' : `${minutes} minutes`}, or ask for a new password.`
}

function elsewhere(): DomainError {
  return new DomainError('sign_in_refused', 'your organization signs in through its own identity provider', {
    fix: 'go back to the app and start again: you are sent there',
  })
}

function notThere(): DomainError {
  return new DomainError('not_found', 'there is no such page', { fix: 'go back to the app and start again' })
}
