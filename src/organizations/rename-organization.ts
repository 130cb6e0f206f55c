import type { Actor, Commit } from '../audit/record.ts'
import type { OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { getOrganization, type Organization, organizations } from './organization.ts'
import { told } from './told.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

/**
 * The slug stays: people have it in their scripts.
 * @throws {DomainError} `organization_not_found`, `precondition_failed`, `conflict`
 */
export async function renameOrganization(
  deps: Deps,
  by: Actor,
  id: OrganizationId,
  { name, ifMatch }: { readonly name: string; readonly ifMatch?: number | undefined },
): Promise<Organization> {
  const before = await getOrganization(deps.records, id)
  expectVersion(before, ifMatch)
  if (before.name === name) return before
  const after = { ...before, name, version: before.version + 1 }
  await deps.commit(told('organization.renamed', after, by, { from: before.name, to: name }), [
    update(organizations, before, after),
  ])
  return after
}
