import type { Context } from 'koa'
import { z } from 'zod'
import { type OrganizationId, parseId } from '../../ids.ts'
import { hostCookie } from '../cookies.ts'
import type { Person } from '../people.ts'
import type { PagesOf } from './pages-of.ts'

const keptDays = 180

/** Where this browser signed in last, and as whom: what it may be told without a new proof, because it was proven there. */
export interface Remembered {
  readonly organizationId: OrganizationId
  readonly email: string
}

const Kept = z.object({ organization: z.string(), email: z.string() })

type Place = Pick<PagesOf, 'deps' | 'service'>

function nameOf({ deps, service }: Place): string {
  return hostCookie(deps.origin, `latchkey_last_${service.slug}`)
}

export function remember(at: Place, ctx: Context, { user }: Person): void {
  const text = JSON.stringify({ organization: user.organizationId, email: user.email })
  const sealed = at.deps.secrets.seal('cookies', at.service.id, text)
  const expires = new Date(at.deps.clock() + keptDays * 86_400_000)
  ctx.cookies.set(nameOf(at), Buffer.from(sealed).toString('base64url'), {
    ...{ httpOnly: true, sameSite: 'lax', signed: false, expires },
  })
}

/** Who signs out leaves nothing behind for the next at the same browser. */
export function forget(at: Place, ctx: Context): void {
  ctx.cookies.set(nameOf(at), null, { httpOnly: true, sameSite: 'lax', signed: false })
}

/** `undefined` too for what is not ours, or was sealed under a secret that is gone. */
export function rememberedAt(at: Place, ctx: Context): Remembered | undefined {
  const cookie = ctx.cookies.get(nameOf(at), { signed: false })
  if (cookie === undefined) return undefined
  try {
    const text = at.deps.secrets.open('cookies', at.service.id, Buffer.from(cookie, 'base64url').toString())
    const { organization, email } = Kept.parse(JSON.parse(text.toString()))
    const organizationId = parseId('org', organization)
    return organizationId && { organizationId, email }
  } catch {
    return undefined
  }
}
