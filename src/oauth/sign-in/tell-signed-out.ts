import type { AppInSession } from '../sessions.ts'
import { tellApp } from '../tell-app.ts'
import type { PagesOf } from './pages-of.ts'

/** The apps of a session that has ended learn of it; nobody waits for them. */
export function tellSignedOut(
  { deps, provider }: PagesOf,
  accountId: string,
  apps: readonly AppInSession[],
): void {
  deps.deliveries.prepare(async () => {
    for (const app of apps) await tellApp(deps, provider, accountId, app)
  })
}
