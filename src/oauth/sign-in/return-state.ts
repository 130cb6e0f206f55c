import { hash } from 'node:crypto'
import type { Context } from 'koa'
import { z } from 'zod'
import type { ConnectionId } from '../../ids.ts'
import type { Secrets } from '../../secrets/secrets.ts'
import { hostCookie } from '../cookies.ts'
import type { PagesOf } from './pages-of.ts'

/** What goes through a provider and comes back: sealed, so that nobody reads or makes one. */
const State = z.object({ slug: z.string(), uid: z.string(), browser: z.string() })
export type ReturnState = z.output<typeof State>

// RFC 9700 §4.4: what was sent away through one connection does not come back through another.
function boundTo(connectionId: ConnectionId): string {
  return `return\0${connectionId}`
}

/** The `state` of a sign-in that leaves for the connection's provider, good for this browser alone. */
export function stateFor(
  at: PagesOf,
  ctx: Context,
  uid: string,
  connectionId: ConnectionId,
): { readonly state: string; readonly stateHash: string } {
  const { deps, service } = at
  const sent: ReturnState = { slug: service.slug, uid, browser: browserHash(browserOf(at, ctx)) }
  const sealed = deps.secrets.seal('cookies', boundTo(connectionId), JSON.stringify(sent))
  const state = Buffer.from(sealed).toString('base64url')
  return { state, stateHash: hashOf(state) }
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
const browserNameLength = 43

/** The name that this browser has been given while it is away. */
function browserOf({ deps }: PagesOf, ctx: Context): string {
  const name = hostCookie(deps.origin, browserCookie)
  const known = ctx.cookies.get(name, { signed: false })
  if (known !== undefined && known.length === browserNameLength) return known
  const made = Buffer.from(deps.random(32)).toString('base64url')
  ctx.cookies.set(name, made, { httpOnly: true, sameSite: 'lax', signed: false })
  return made
}

/** Whether the browser that comes back is the one that went away. */
export function isSameBrowser(ctx: Context, origin: string, { browser }: ReturnState): boolean {
  const name = ctx.cookies.get(hostCookie(origin, browserCookie), { signed: false })
  return name !== undefined && browserHash(name) === browser
}

function browserHash(name: string): string {
  return hash('sha256', `browser\0${name}`, 'base64url')
}

export function hashOf(state: string): string {
  return hash('sha256', state, 'base64url')
}
