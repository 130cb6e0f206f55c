import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId } from '../ids.ts'
import { revoke } from '../revocations/revocation.ts'
import { remove } from '../storage/ports.ts'
import { type RegisteredApp, registeredApps } from './registered-app.ts'

interface Deps {
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * The app is unknown from now on, and its tokens end at once, everywhere.
 * @param reason `unused`: nobody asked for it, it was only tidied up
 * @throws {DomainError} `conflict`
 */
export async function deleteRegisteredApp(
  deps: Deps,
  by: Actor,
  app: RegisteredApp,
  reason?: 'unused',
): Promise<void> {
  const { id, organizationId, serviceId, authority, metadata } = app
  const ended = { kind: 'authority', of: id, lowest: authority + 1 } as const
  const details = { client_name: metadata['client_name'], ...(reason !== undefined && { reason }) }
  await deps.commit({ type: 'app.deleted', organizationId, target: id, by, details }, [
    remove(registeredApps, app),
    revoke(deps.newId, deps.clock(), { organizationId, serviceId, ended }),
  ])
}
