import type { Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { hasCode } from '../errors.ts'
import type { NewId } from '../ids.ts'
import { locatedInPages } from '../storage/in-pages.ts'
import type { Records } from '../storage/ports.ts'
import { deleteRegisteredApp } from './delete-registered-app.ts'
import { type RegisteredApp, registeredApps } from './registered-app.ts'

/** A question to a later row: whether anybody lets the app act in their name now. */
export type IsUsed = (app: RegisteredApp) => Promise<boolean>

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly isUsed: IsUsed
}

/** So long an app that nobody had to let in may be without anybody who uses it. */
const unusedMsMax = 30 * 86_400_000
const pageSize = 200

/**
 * Removes the apps that registered themselves where anybody may, a month ago or earlier, and that nobody uses: else whoever
 * likes fills the store. Safe from many nodes at once.
 */
export async function sweepUnusedApps(deps: Deps): Promise<void> {
  const { records } = deps
  const open = locatedInPages((page) => records.locate(registeredApps, 'open', '', page), pageSize)
  for await (const places of open)
    for (const { organizationId, id } of places) {
      const app = await records.find(organizationId, registeredApps, id)
      if (app !== undefined) await removeUnused(deps, app)
    }
}

async function removeUnused(deps: Deps, app: RegisteredApp): Promise<void> {
  const { id, organizationId, changedAt = app.createdAt } = app
  if (deps.clock() - changedAt < unusedMsMax || (await deps.isUsed(app))) return
  const by = { kind: 'system', id, organizationId, requestId: 'sweep' } as const
  try {
    await deleteRegisteredApp(deps, by, app, 'unused')
  } catch (cause) {
    // It was changed meanwhile, or another node was faster.
    if (!hasCode(cause, 'conflict')) throw cause
  }
}
