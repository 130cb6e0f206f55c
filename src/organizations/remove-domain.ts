import type { Actor, Commit } from '../audit/record.ts'
import type { DomainId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, remove } from '../storage/ports.ts'
import { domains, getDomain } from './domain.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

/**
 * It stops routing at once, and is free for others.
 * @throws {DomainError} `domain_not_found`, `precondition_failed`, `conflict`
 */
export async function removeDomain(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: DomainId,
  { ifMatch }: { readonly ifMatch?: number | undefined },
): Promise<void> {
  const domain = await getDomain(deps.records, organizationId, id)
  expectVersion(domain, ifMatch)
  const details = { name: domain.name, state: domain.state.kind }
  await deps.commit({ type: 'domain.removed', organizationId, target: id, by, details }, [
    remove(domains, domain),
  ])
}
