import { isDeepStrictEqual } from 'node:util'
import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { AssumptionId, NewId, OrganizationId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import {
  type Assumption,
  assumptionNameTaken,
  assumptions,
  endTokens,
  getAssumption,
  shownAssumption,
  toldToBoth,
} from './assumption.ts'
import { checkGivingAssumption } from './check-assumption.ts'
import { groundOfOwn } from './ground.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/** What is absent stays. The service and the organization that may assume the role stay for good. */
export interface AssumptionChange {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly role?: string | undefined
  readonly principals?: Assumption['principals'] | undefined
  readonly tags?: Assumption['tags'] | undefined
  readonly lifeSecondsMax?: number | undefined
  readonly ifMatch?: number | undefined
}

/**
 * A change of what the token may do, or of who may have it, ends the tokens that are out, at once; and since it may open
 * the assumption further, it is giving, too. Another name or description is neither.
 * @throws {DomainError} `assumption_not_found`, `role_not_found`, `role_not_grantable`, `tag_not_grantable`,
 * `already_exists`, `invalid_request` (the life), `precondition_failed`, `conflict`
 */
export async function changeAssumption(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: AssumptionId,
  { ifMatch, ...change }: AssumptionChange,
): Promise<Assumption> {
  const before = await getAssumption(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  const changed = applied(before, change)
  if (isDeepStrictEqual(changed, before)) return before
  const isOther = !isDeepStrictEqual(effectOf(changed), effectOf(before))
  if (isOther) {
    const ground = await groundOfOwn(deps.records, organizationId, before.serviceId)
    await checkGivingAssumption(deps.records, ground, giver, changed)
  }
  const nowMs = deps.clock()
  const authority = before.authority + (isOther ? 1 : 0)
  const after = { ...changed, authority, changedAt: nowMs, version: before.version + 1 }
  const details = { from: shownAssumption(before), to: shownAssumption(after) }
  try {
    await deps.commit(toldToBoth('assumption.changed', after, by, details), [
      update(assumptions, before, after),
      ...(isOther ? [endTokens(deps.newId, nowMs, after, authority)] : []),
    ])
  } catch (cause) {
    throw assumptionNameTaken(after.name, cause)
  }
  return after
}

function applied(before: Assumption, change: Omit<AssumptionChange, 'ifMatch'>): Assumption {
  return {
    ...before,
    name: change.name ?? before.name,
    description: change.description ?? before.description,
    role: change.role ?? before.role,
    principals: change.principals ?? before.principals,
    tags: change.tags ?? before.tags,
    lifeSecondsMax: change.lifeSecondsMax ?? before.lifeSecondsMax,
  }
}

function effectOf({ role, principals, tags, lifeSecondsMax }: Assumption) {
  return { role, principals, tags, lifeSecondsMax }
}
