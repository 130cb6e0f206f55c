import { changesOfLimits, type LimitChanges, LimitComparison } from '../evaluator/compare-limits.ts'
import { limitsIn } from '../evaluator/limits.ts'
import type { OrganizationId, RoleId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { learnConditions } from '../services/learn-conditions.ts'
import { withoutWhereIn } from '../services/operations-of.ts'
import type { Records } from '../storage/ports.ts'
import { groundOfOwn } from './ground.ts'
import type { Holder, HoldersOf } from './holders.ts'
import type { WrittenContent } from './read-policy.ts'
import { type RoleContent, readRoleContent } from './read-role-content.ts'
import { getRole } from './role.ts'

interface Deps {
  readonly records: Records
  readonly holdersOf: readonly HoldersOf[]
}

/** What an edit of a role would come to, and for whom. */
export interface RolePreview {
  /** As it would be kept. */
  readonly content: RoleContent
  readonly changes: LimitChanges
  readonly holders: readonly Holder[]
  /** There are more that hold it than are listed. */
  readonly areMore: boolean
}

/**
 * Everything that a replacement of the role would check and change, without changing it.
 * @param holdersMax of each kind: keys, users, connections, assumptions
 * @throws {DomainError} `role_not_found`, `role_refused`
 */
export async function previewRole(
  { records, holdersOf }: Deps,
  giver: Giver,
  organizationId: OrganizationId,
  id: RoleId,
  written: WrittenContent,
  holdersMax: number,
): Promise<RolePreview> {
  const before = await getRole(records, organizationId, id)
  const ground = await groundOfOwn(records, organizationId, before.serviceId)
  const content = await readRoleContent(written, ground, giver, before)
  const comparison = new LimitComparison()
  await learnConditions(comparison, before.allow, content.allow)
  const changes = changesOfLimits(
    limitsIn(before.allow, before.filter),
    limitsIn(content.allow, content.filter),
    comparison,
    withoutWhereIn(ground.service.model),
  )
  const lists = await Promise.all(holdersOf.map((ask) => ask(organizationId, id, holdersMax + 1)))
  return {
    ...{ content, changes },
    holders: lists.flatMap((list) => list.slice(0, holdersMax)),
    areMore: lists.some((list) => list.length > holdersMax),
  }
}
