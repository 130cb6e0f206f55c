import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { AssumptionId, NewId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, remove } from '../storage/ports.ts'
import { assumptions, endTokens, getAssumption, shownAssumption, toldToBoth } from './assumption.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/**
 * Nobody assumes the role any more, and all tokens that came of it end at once.
 * @throws {DomainError} `assumption_not_found`, `precondition_failed`, `conflict`
 */
export async function deleteAssumption(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: AssumptionId,
  ifMatch?: number,
): Promise<void> {
  const assumption = await getAssumption(deps.records, organizationId, id)
  expectVersion(assumption, ifMatch)
  await deps.commit(toldToBoth('assumption.deleted', assumption, by, shownAssumption(assumption)), [
    remove(assumptions, assumption),
    endTokens(deps.newId, deps.clock(), assumption, Number.MAX_SAFE_INTEGER),
  ])
}
