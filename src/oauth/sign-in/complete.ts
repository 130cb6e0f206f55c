import type { Context } from 'koa'
import { DomainError } from '../../errors.ts'
import { beganAtOf, keepUpstream, type UpstreamSession } from '../library-overrides.ts'
import { isMeant } from '../meant-organization.ts'
import type { Person } from '../people.ts'
import { sessionSeconds } from '../session-life.ts'
import { appsIn } from '../sessions.ts'
import type { PagesOf } from './pages-of.ts'
import { remember } from './remembered.ts'
import { tellSignedOut } from './tell-signed-out.ts'
import { finish, hintsOf, isAlone, type UnderWay } from './under-way.ts'

/** How somebody has proven who they are. */
export interface Proof {
  /** RFC 8176. */
  readonly amr: readonly string[]
  readonly acr?: string | undefined
  /** When it was, in seconds, if it was not just now. */
  readonly authTime?: number | undefined
  /** Absent: here. */
  readonly upstream?: UpstreamSession | undefined
}

/** The person has proven to be who they say: their session begins, under a new id, and the request goes on. */
export async function completeSignIn(
  at: PagesOf,
  ctx: Context,
  here: UnderWay,
  person: Person,
  { amr, acr, authTime, upstream }: Proof,
): Promise<void> {
  const { deps } = at
  await refuseOtherOrganization(at, here, person)
  const { id: accountId } = person.user
  const nowSeconds = Math.floor(deps.clock() / 1000)
  // Never from the future, whatever a provider says: a sign-in that is always fresh would outlive every end.
  const ts = signInSeconds(person.user, Math.min(authTime ?? nowSeconds, nowSeconds))
  const login = {
    ...{ accountId, ts },
    ...(amr.length > 0 && { amr: [...amr] }),
    ...(acr !== undefined && { acr }),
    ...(upstream !== undefined && { upstream }),
  }
  remember(at, ctx, person)
  await leaveOther(at, ctx, here, accountId)
  if (isAlone(here)) await beginSession(at, ctx, here, login)
  else await finish(at, ctx, here, { login, select_account: {} })
}

/** When a sign-in was, but never counted as one from before everybody was signed out, in whose second it may be. */
export function signInSeconds({ signedOutAt = 0 }: Person['user'], atSeconds: number): number {
  return Math.max(atSeconds, Math.ceil(signedOutAt / 1000))
}

/** Where the app has named the organization, only its people go back to the app. */
async function refuseOtherOrganization(at: PagesOf, here: UnderWay, { organization }: Person): Promise<void> {
  const { organization: named, connection } = hintsOf(here)
  const records = at.deps.storedRecords
  if (await isMeant({ records }, at.service, organization, { organization: named, connection })) return
  throw new DomainError(
    'sign_in_refused',
    `the app asks for people of another organization than ${organization.name}`,
    {
      fix: 'sign in with your account there, or go back to the app',
    },
  )
}

/** Who comes as somebody else has left: the other's session ends, and nothing of it goes over. */
async function leaveOther(at: PagesOf, ctx: Context, { interaction }: UnderWay, accountId: string) {
  const session = await at.provider.Session.get(ctx)
  if (session.accountId === undefined || session.accountId === accountId) return
  delete interaction.session
  await interaction.persist()
  await session.destroy()
  tellSignedOut(at, session.accountId, appsIn(session))
}

interface Login {
  readonly accountId: string
  readonly ts: number
  readonly amr?: string[]
  readonly acr?: string
  readonly upstream?: UpstreamSession
}

async function beginSession(
  at: PagesOf,
  ctx: Context,
  { interaction }: UnderWay,
  login: Login,
): Promise<void> {
  await openSession(at, ctx, login)
  await interaction.destroy()
  ctx.status = 303
  ctx.redirect(interaction.returnTo)
}

/** The session of this browser, under a new id: what was known of it before is good for nothing. */
export async function openSession(
  { provider, service, deps }: PagesOf,
  ctx: Context,
  { ts: loginTs, upstream, ...login }: Login,
): Promise<void> {
  const session = await provider.Session.get(ctx)
  session.resetIdentifier()
  session.loginAccount({ ...login, loginTs })
  keepUpstream(session, upstream)
  const seconds = sessionSeconds(service, beganAtOf(session), deps.clock())
  await session.save(seconds)
  const expires = new Date(deps.clock() + seconds * 1000)
  ctx.cookies.set(provider.cookieName('session'), session.jti, { httpOnly: true, sameSite: 'lax', expires })
}
