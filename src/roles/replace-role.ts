import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId, RoleId } from '../ids.ts'
import { revoke } from '../revocations/revocation.ts'
import type { Giver } from '../services/giving.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Insert, type Records, update } from '../storage/ports.ts'
import { assumptions } from './assumption.ts'
import { groundOfOwn } from './ground.ts'
import type { WrittenContent } from './read-policy.ts'
import { contentOf, readRoleContent } from './read-role-content.ts'
import { getRole, nameTaken, type Role, roles } from './role.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

export interface RoleReplacement extends WrittenContent {
  readonly name: string
  readonly description: string
  readonly ifMatch?: number | undefined
}

/**
 * Everything of a role but its service. Takes effect at once on all that hold it: a role is looked up at each decision,
 * never copied. What another organization was let take has become something else: tokens of an assumption end.
 * @throws {DomainError} `role_not_found`, `role_refused`, `already_exists`, `precondition_failed`, `conflict`
 */
export async function replaceRole(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: RoleId,
  { name, description, ifMatch, ...written }: RoleReplacement,
): Promise<Role> {
  const before = await getRole(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  const ground = await groundOfOwn(deps.records, organizationId, before.serviceId)
  const content = await readRoleContent(written, ground, giver, before)
  const { filter: _filter, ...kept } = before
  const changedAt = deps.clock()
  const after: Role = { ...kept, name, description, ...content, changedAt, version: before.version + 1 }
  const details = { from: { name: before.name, ...contentOf(before) }, to: { name, ...content } }
  try {
    await deps.commit({ type: 'role.changed', organizationId, target: id, by, details }, [
      update(roles, before, after),
      ...(await endAssumed(deps, after)),
    ])
  } catch (cause) {
    throw nameTaken(name, cause)
  }
  return after
}

/** Tokens of an assumption carry the version of their role in `ver`. Without one there is nothing to end. */
async function endAssumed({ records, newId, clock }: Deps, role: Role): Promise<readonly Insert[]> {
  const { organizationId, serviceId, id, version } = role
  const [assumed] = await records.list(organizationId, assumptions, 'role', id, { limit: 1 })
  const ended = { kind: 'authority', of: id, lowest: version } as const
  return assumed === undefined ? [] : [revoke(newId, clock(), { organizationId, serviceId, ended })]
}
