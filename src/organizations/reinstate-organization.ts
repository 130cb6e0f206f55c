import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { endTokens, getOrganization, type Organization, organizations, withState } from './organization.ts'
import { told } from './told.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * Ends a suspension. Tokens from before it stay dead; its keys buy new ones. Nothing happens to an active organization.
 * @throws {DomainError} `organization_not_found`, `precondition_failed`, `conflict`
 */
export async function reinstateOrganization(
  deps: Deps,
  by: Actor,
  id: OrganizationId,
  { ifMatch }: { readonly ifMatch?: number | undefined } = {},
): Promise<Organization> {
  const before = await getOrganization(deps.records, id)
  expectVersion(before, ifMatch)
  if (before.state.kind === 'active') return before
  const after = withState(before, { kind: 'active' })
  await deps.commit(told('organization.reinstated', after, by, { suspended_for: before.state.reason }), [
    update(organizations, before, after),
    endTokens(deps.newId, deps.clock(), id, after.authority),
  ])
  return after
}
