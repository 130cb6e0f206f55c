import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import {
  endTokens,
  getOrganization,
  type Organization,
  organizations,
  refuseForOperator,
  withState,
} from './organization.ts'
import { told } from './told.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * Its keys and tokens stop at once, at every service; nothing of it changes but its own state. Suspending again gives
 * the new reason.
 * @throws {DomainError} `organization_not_found`, `organization_protected`, `precondition_failed`, `conflict`
 */
export async function suspendOrganization(
  deps: Deps,
  by: Actor,
  id: OrganizationId,
  { reason, ifMatch }: { readonly reason: string; readonly ifMatch?: number | undefined },
): Promise<Organization> {
  const before = await getOrganization(deps.records, id)
  expectVersion(before, ifMatch)
  refuseForOperator(before, 'suspended')
  const nowMs = deps.clock()
  const after = withState(before, { kind: 'suspended', suspendedAt: nowMs, reason })
  await deps.commit(told('organization.suspended', after, by, { reason }), [
    update(organizations, before, after),
    endTokens(deps.newId, nowMs, id, after.authority),
  ])
  return after
}
