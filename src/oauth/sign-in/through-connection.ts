import { hash } from 'node:crypto'
import type { Context } from 'koa'
import { z } from 'zod'
import { type Connection, findConnection, redirectUriOf } from '../../connections/connection.ts'
import { signInThrough } from '../../connections/sign-in-through.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { type ConnectionId, parseId } from '../../ids.ts'
import type { Secrets } from '../../secrets/secrets.ts'
import { brandOf } from '../brand.ts'
import { hostCookie } from '../cookies.ts'
import { leave } from '../pages.ts'
import { admitted } from '../people.ts'
import { completeSignIn } from './complete.ts'
import type { PagesOf } from './pages-of.ts'
import { keepProgress, type Progress, type UnderWay } from './under-way.ts'

/** What goes through the provider and comes back: sealed, so that nobody reads or makes one. */
const State = z.object({ slug: z.string(), uid: z.string(), browser: z.string() })
export type ReturnState = z.output<typeof State>

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
  const state = sealState(deps.secrets, connectionId, {
    ...{ slug: service.slug, uid, browser: browserHash(browserOf(at, ctx)) },
  })
  const { url, keep } = await deps.upstream.begin(connection, {
    redirectUri: redirectUriOf(deps.origin, connectionId),
    state,
    loginHint: progress.email,
    ...freshness(params, prompt.reasons),
  })
  const sealedKeep = deps.secrets.seal('cookies', uid, keep)
  await keepProgress(here, { ...progress, upstream: { connectionId, stateHash: hashOf(state), sealedKeep } })
  leave(ctx, brandOf(service), url)
}

/** What the app asks of a sign-in it asks of the provider, too. */
function freshness(params: Readonly<Record<string, unknown>>, reasons: readonly string[]) {
  const maxAge = Number(params['max_age'])
  return {
    ...(reasons.includes('login_prompt') && { prompt: 'login' }),
    ...(reasons.includes('select_account_prompt') && { prompt: 'select_account' }),
    ...(params['max_age'] !== undefined && Number.isSafeInteger(maxAge) && { maxAgeSeconds: maxAge }),
  }
}

/**
 * The provider has sent the browser back to the sign-in that it left.
 * @throws {DomainError} `sign_in_refused`; `not_found` if nothing was begun, or it is over
 */
export async function finishThrough(at: PagesOf, ctx: Context, here: UnderWay): Promise<void> {
  const { deps } = at
  const { upstream, ...progress } = here.progress
  const state = ctx.query['state']
  if (upstream === undefined || typeof state !== 'string' || hashOf(state) !== upstream.stateHash)
    throw over()
  // Once, whatever comes of it.
  await keepProgress(here, progress)
  const connection = await connectionOf(at, upstream.connectionId)
  const keep = deps.secrets.open('cookies', here.interaction.uid, upstream.sealedKeep).toString()
  const callbackUrl = `${redirectUriOf(deps.origin, connection.id)}?${ctx.querystring}`
  const identity = await deps.upstream.finish(connection, { callbackUrl }, keep, state)
  const { requestId, address } = arrivalOf(ctx.req)
  const records = deps.storedRecords
  const user = await signInThrough({ ...deps, records }, connection, identity, { requestId, address })
  const person = await admitted(records, user)
  if (person === undefined) throw new DomainError('sign_in_refused', 'this person may not come in')
  const { amr = [], acr, authTime } = identity
  await completeSignIn(at, ctx, here, person, { amr, acr, authTime })
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

function boundTo(connectionId: ConnectionId): string {
  return `return\0${connectionId}`
}

function sealState(secrets: Secrets, connectionId: ConnectionId, state: ReturnState): string {
  const sealed = secrets.seal('cookies', boundTo(connectionId), JSON.stringify(state))
  return Buffer.from(sealed).toString('base64url')
}

/** What we have sent away through this connection; `undefined`: it was not ours, or another connection's. */
export function openState(
  secrets: Secrets,
  connectionId: ConnectionId,
  state: string,
): ReturnState | undefined {
  try {
    const sealed = Buffer.from(state, 'base64url').toString()
    return State.parse(JSON.parse(secrets.open('cookies', boundTo(connectionId), sealed).toString()))
  } catch {
    return undefined
  }
}

const browserCookie = 'latchkey_browser'

/** The name that this browser has been given while it is away. */
function browserOf({ deps }: PagesOf, ctx: Context): string {
  const name = hostCookie(deps.origin, browserCookie)
  const known = ctx.cookies.get(name, { signed: false })
  if (known !== undefined && known.length === browserNameLength) return known
  const made = Buffer.from(deps.random(32)).toString('base64url')
  ctx.cookies.set(name, made, { httpOnly: true, sameSite: 'lax', signed: false })
  return made
}

const browserNameLength = 43

/** Whether the browser that comes back is the one that went away. */
export function isSameBrowser(ctx: Context, origin: string, { browser }: ReturnState): boolean {
  const name = ctx.cookies.get(hostCookie(origin, browserCookie), { signed: false })
  return name !== undefined && browserHash(name) === browser
}

function browserHash(name: string): string {
  return hash('sha256', `browser\0${name}`, 'base64url')
}

function hashOf(state: string): string {
  return hash('sha256', state, 'base64url')
}

/** The connection that an address below `/connections` names. */
export function connectionIn(path: string): ConnectionId | undefined {
  const [, id = ''] = /^\/connections\/([^/]+)\/callback\/?$/.exec(path) ?? []
  return parseId('con', id)
}
