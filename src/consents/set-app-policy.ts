import type { Actor, Commit } from '../audit/record.ts'
import type { OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { insert, type Records, update } from '../storage/ports.ts'
import { type AppPolicy, appPolicies, appPolicyOf } from './app-policy.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

/** What is absent stays. */
export interface AppPolicyChange {
  readonly mode?: AppPolicy['mode'] | undefined
  readonly unverified?: AppPolicy['unverified'] | undefined
  readonly approved?: readonly string[] | undefined
  readonly ifMatch?: number | undefined
}

/**
 * For what people authorize from now on; what they have authorized is listed, and ended, as consents.
 * @throws {DomainError} `organization_not_found`, `precondition_failed`, `conflict`
 */
export async function setAppPolicy(
  { records, commit }: Deps,
  by: Actor,
  organizationId: OrganizationId,
  { mode, unverified, approved, ifMatch }: AppPolicyChange,
): Promise<AppPolicy> {
  await getOrganization(records, organizationId)
  const before = await appPolicyOf(records, organizationId)
  expectVersion(before, ifMatch)
  const after: AppPolicy = {
    ...before,
    mode: mode ?? before.mode,
    unverified: unverified ?? before.unverified,
    approved: approved === undefined ? before.approved : [...new Set(approved)],
    version: before.version + 1,
  }
  const details = { from: shown(before), to: shown(after) }
  await commit({ type: 'app_policy.changed', organizationId, target: organizationId, by, details }, [
    before.version === 0 ? insert(appPolicies, after) : update(appPolicies, before, after),
  ])
  return after
}

function shown({ mode, unverified, approved }: AppPolicy): Readonly<Record<string, unknown>> {
  return { mode, unverified, approved }
}
