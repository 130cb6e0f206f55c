import type { Context } from 'koa'
import { parseId } from '../../ids.ts'
import { findPerson, isSignedOut, type Person } from '../people.ts'
import type { PagesOf } from './pages-of.ts'

type Session = Awaited<ReturnType<PagesOf['provider']['Session']['get']>>

export interface Own {
  readonly person: Person
  readonly session: Session
}

/** Who this browser's session belongs to; `undefined`: nobody is signed in. */
export async function signedIn({ provider, deps }: PagesOf, ctx: Context): Promise<Own | undefined> {
  const session = await provider.Session.get(ctx)
  const userId = parseId('usr', session.accountId ?? '')
  const person = userId && (await findPerson(deps.records, userId))
  return person === undefined || isSignedOut(person, session.loginTs) ? undefined : { person, session }
}
