import type { Context } from 'koa'
import { type Connection, findConnection, redirectUriOf } from '../../connections/connection.ts'
import { recordRefusal } from '../../connections/record-refusal.ts'
import { signInThrough } from '../../connections/sign-in-through.ts'
import type { UpstreamIdentity } from '../../connections/upstream-sign-in.ts'
import { DomainError, hasCode } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { statusOf } from '../../http/status.ts'
import type { ConnectionId } from '../../ids.ts'
import { takeOnce } from '../artifact-adapter.ts'
import { askedAcr } from '../asked-acr.ts'
import { brandOf } from '../brand.ts'
import { leave } from '../pages.ts'
import { admitted, type Person } from '../people.ts'
import { interactionSeconds } from '../session-life.ts'
import { completeSignIn } from './complete.ts'
import type { PagesOf } from './pages-of.ts'
import { hashOf, stateFor } from './return-state.ts'
import { keepProgress, type Progress, show, type UnderWay } from './under-way.ts'

/** Sends the browser to the connection's provider. */
export async function beginThrough(
  at: PagesOf,
  ctx: Context,
  here: UnderWay,
  connectionId: ConnectionId,
  progress: Progress = here.progress,
): Promise<void> {
  const { deps, service } = at
  const connection = await connectionOf(at, connectionId)
  const { uid, params, prompt } = here.interaction
  const { state, stateHash } = stateFor(at, ctx, uid, connectionId)
  const ask = {
    redirectUri: redirectUriOf(deps.origin, connectionId),
    state,
    loginHint: progress.email,
    ...freshness(params, prompt.reasons),
  }
  await telling(at, ctx, here, connection, async () => {
    const { url, keep } = await deps.upstream.begin(connection, ask)
    const sealedKeep = deps.secrets.seal('cookies', uid, keep)
    await keepProgress(here, { ...progress, upstream: { connectionId, stateHash, sealedKeep } })
    leave(ctx, brandOf(service), url)
  })
}

/** What the app asks of a sign-in it asks of the provider, too. */
function freshness(params: Readonly<Record<string, unknown>>, reasons: readonly string[]) {
  const maxAge = Number(params['max_age'])
  return {
    ...(reasons.includes('login_prompt') && { prompt: 'login' }),
    ...(reasons.includes('select_account_prompt') && { prompt: 'select_account' }),
    acrValues: askedAcr(params)?.values,
    ...(params['max_age'] !== undefined && Number.isSafeInteger(maxAge) && { maxAgeSeconds: maxAge }),
  }
}

/**
 * The provider has sent the browser back to the sign-in that it left.
 * @throws {DomainError} `not_found` if nothing was begun, or it is over
 */
export async function finishThrough(at: PagesOf, ctx: Context, here: UnderWay): Promise<void> {
  const { upstream, ...progress } = here.progress
  const state = ctx.query['state']
  if (upstream === undefined || typeof state !== 'string' || hashOf(state) !== upstream.stateHash)
    throw over()
  // Once, whatever comes of it: of several at the same time the store lets one through.
  const endsAt = Math.ceil(at.deps.clock() / 1000) + interactionSeconds
  if (!(await takeOnce(at.deps, at.service.id, 'UpstreamReturn')('', upstream.stateHash, endsAt)))
    throw over()
  await keepProgress(here, progress)
  const connection = await connectionOf(at, upstream.connectionId)
  const said: Said = {}
  const signIn = async () => {
    said.identity = await identityOf(at, ctx, here, connection, { ...upstream, state })
    const person = await personOf(at, ctx, connection, said.identity)
    const { amr = [], acr, authTime, idToken } = said.identity
    const session = { connectionId: connection.id, idToken }
    await completeSignIn(at, ctx, here, person, { amr, acr, authTime, upstream: session })
  }
  await telling(at, ctx, here, connection, signIn, said)
}

/** Who it is, once the provider has said it. */
interface Said {
  identity?: UpstreamIdentity
}

async function identityOf(
  { deps }: PagesOf,
  ctx: Context,
  { interaction }: UnderWay,
  connection: Connection,
  { sealedKeep, state }: { readonly sealedKeep: string; readonly state: string },
): Promise<UpstreamIdentity> {
  const keep = deps.secrets.open('cookies', interaction.uid, sealedKeep).toString()
  const callbackUrl = `${redirectUriOf(deps.origin, connection.id)}?${ctx.querystring}`
  return await deps.upstream.finish(connection, { callbackUrl }, keep, state)
}

async function personOf(
  { deps }: PagesOf,
  ctx: Context,
  connection: Connection,
  identity: UpstreamIdentity,
): Promise<Person> {
  const { requestId, address } = arrivalOf(ctx.req)
  const records = deps.storedRecords
  const user = await signInThrough({ ...deps, records }, connection, identity, { requestId, address })
  const person = await admitted(records, user)
  if (person === undefined) throw new DomainError('sign_in_refused', 'this person may not come in')
  return person
}

/**
 * A refusal is told to the person, with the way on, and in the organization's trail, under the request id that the person
 * is shown.
 */
async function telling(
  { deps, service }: PagesOf,
  ctx: Context,
  here: UnderWay,
  connection: Connection,
  work: () => Promise<void>,
  said: Said = {},
): Promise<void> {
  try {
    await work()
  } catch (cause) {
    if (!hasCode(cause, 'sign_in_refused') && !hasCode(cause, 'connection_state')) throw cause
    const { requestId, address } = arrivalOf(ctx.req)
    const met = { serviceId: service.id, requestId, address, identity: said.identity }
    await recordRefusal(deps, connection, cause, met)
    const brand = brandOf(service)
    const heading = 'You could not be signed in'
    const link = { url: `${here.path}/other`, text: 'Sign in another way' }
    const words = { what: cause.message, fix: fixFor(cause) }
    const page = { kind: 'error', brand, heading, ...words, requestId, link } as const
    show(ctx, here, page, statusOf.sign_in_refused)
  }
}

/** What the person can do, and what only an administrator can. */
function fixFor({ fix }: DomainError): string {
  const toDo = fix === undefined ? '' : `: ${fix}`
  return `Go back to the app and begin again. If that does not help, show this page to an administrator of your organization, who finds it in the audit trail${toDo}`
}

async function connectionOf({ deps }: PagesOf, id: ConnectionId): Promise<Connection> {
  const connection = await findConnection(deps.storedRecords, id)
  if (connection === undefined) throw over()
  return connection
}

function over(): DomainError {
  return new DomainError('not_found', 'this sign-in is over, or it was begun in another browser', {
    fix: 'go back to the app and start again',
  })
}
