import type { Context } from 'koa'
import { consents, findConsent } from '../../consents/consent.ts'
import { endConsent } from '../../consents/end-consent.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { parseId } from '../../ids.ts'
import { brandOf } from '../brand.ts'
import { destroyGrant } from '../destroy-grant.ts'
import { signInRoute } from '../endpoints.ts'
import { upstreamOfSession } from '../library-overrides.ts'
import { leave, send } from '../pages.ts'
import { isSignedOut, type Person } from '../people.ts'
import { appsIn, endSession, sessionsOf } from '../sessions.ts'
import { signOutUpstream } from '../upstream-sign-out.ts'
import { wordsOf } from '../usable-scopes.ts'
import { csrfFor, readForm } from './form.ts'
import type { Own } from './own.ts'
import { hasPassword, ownPasswordPath } from './own-password.ts'
import type { PagesOf } from './pages-of.ts'
import { forget } from './remembered.ts'
import { tellSignedOut } from './tell-signed-out.ts'

const consentsMax = 200

/** One's own sessions and consents at the service. */
export async function showOwn(at: PagesOf, ctx: Context, { person, session }: Own, notice?: string) {
  const { deps, service } = at
  const { user, organization } = person
  const kept = await sessionsOf(deps, service.id, user.id)
  // One from before everybody was signed out lets nobody in.
  const sessions = kept.filter(({ startedAt }) => !isSignedOut(person, startedAt / 1000))
  const given = await deps.storedRecords.list(organization.id, consents, 'user', user.id, {
    limit: consentsMax,
  })
  send(ctx, {
    ...{ kind: 'account', brand: brandOf(service), notice },
    action: `/${service.slug}${signInRoute}`,
    csrf: csrfFor(deps.secrets, session.uid),
    person: { email: user.email, organization: organization.name },
    passwordUrl: (await hasPassword(at, person)) ? `/${service.slug}${ownPasswordPath}` : undefined,
    sessions: sessions.map((one) => ({ ...one, current: one.id === session.uid })),
    consents: given
      .filter(({ serviceId }) => serviceId === service.id)
      .map(({ id, appName, scopes, grantedAt }) => ({
        ...{ id, app: appName, grantedAt },
        scopes: scopes.map((scope) => wordsOf(service, scope)),
      })),
  })
}

/** Ends a session, or takes a consent back. */
export async function answerOwn(at: PagesOf, ctx: Context, own: Own): Promise<void> {
  const { deps, service } = at
  const form = await readForm(ctx, deps, own.session.uid)
  const [sessionId, consentId] = [form.get('session'), form.get('consent')]
  if (sessionId === own.session.uid) {
    await own.session.destroy()
    tellSignedOut(at, own.person.user.id, appsIn(own.session))
    forget(at, ctx)
    await leaveOwn(at, ctx, own)
  } else if (sessionId !== undefined) {
    const { id } = own.person.user
    tellSignedOut(at, id, await endSession(deps, service.id, id, sessionId))
    await showOwn(at, ctx, own, 'That session is over.')
  } else if (consentId !== undefined) {
    await takeBack(at, ctx, own.person, consentId)
    await showOwn(at, ctx, own, 'It is taken back: the app can do nothing for you any more.')
  } else throw new DomainError('invalid_request', 'nothing was chosen')
}

/** Who comes from a provider that is to be signed out of, too, goes on there, and comes back to sign in. */
async function leaveOwn({ deps, service }: PagesOf, ctx: Context, { session }: Own): Promise<void> {
  const signInUrl = `/${service.slug}${signInRoute}`
  const away = await signOutUpstream(deps, upstreamOfSession(session), deps.origin + signInUrl)
  const brand = brandOf(service)
  if (away === undefined) send(ctx, { kind: 'logged-out', brand, signInUrl })
  else leave(ctx, brand, away)
}

async function takeBack(
  { deps, service }: PagesOf,
  ctx: Context,
  { user }: Person,
  id: string,
): Promise<void> {
  const grantId = parseId('gra', id)
  const consent = grantId && (await findConsent(deps.storedRecords, grantId))
  // What is gone already, or another's, needs nothing.
  if (consent?.userId !== user.id || consent.serviceId !== service.id) return
  const { requestId, address } = arrivalOf(ctx.req)
  const by = { kind: 'user', id: user.id, organizationId: user.organizationId, requestId, address } as const
  await endConsent({ ...deps, destroyArtifacts: destroyGrant(deps) }, by, consent, 'taken_back')
}
