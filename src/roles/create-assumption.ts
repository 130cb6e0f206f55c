import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import { organizations } from '../organizations/organization.ts'
import type { Giver } from '../services/giving.ts'
import { insert, type Records } from '../storage/ports.ts'
import {
  type Assumption,
  assumptionNameTaken,
  assumptions,
  shownAssumption,
  toldToBoth,
} from './assumption.ts'
import { checkGivingAssumption } from './check-assumption.ts'
import { groundOf } from './ground.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

export interface NewAssumption
  extends Pick<
    Assumption,
    'name' | 'description' | 'role' | 'assumingOrganizationId' | 'principals' | 'tags'
  > {
  /** A service's id or slug. */
  readonly service: string
  /** Absent: as long as a token of the service lives. */
  readonly lifeSecondsMax?: number | undefined
}

/**
 * @throws {DomainError} `organization_not_found`, `service_not_found`, `role_not_found`, `role_not_grantable`,
 * `tag_not_grantable`, `already_exists`, `invalid_request` (the life; an organization that would assume its own role)
 */
export async function createAssumption(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  { service: named, lifeSecondsMax: life, ...wanted }: NewAssumption,
): Promise<Assumption> {
  const ground = await groundOf(deps.records, organizationId, named)
  await checkAssuming(deps.records, organizationId, wanted.assumingOrganizationId)
  const lifeSecondsMax = life ?? ground.service.accessTokenTtlSeconds
  await checkGivingAssumption(deps.records, ground, giver, { ...wanted, lifeSecondsMax })
  const [id, nowMs] = [deps.newId('asm'), deps.clock()]
  const times = { createdAt: nowMs, changedAt: nowMs }
  const assumption: Assumption = {
    ...{ ...wanted, id, organizationId, version: 1, serviceId: ground.service.id, lifeSecondsMax },
    ...{ authority: 1, createdBy: by.id, ...times },
  }
  try {
    await deps.commit(toldToBoth('assumption.created', assumption, by, shownAssumption(assumption)), [
      insert(assumptions, assumption),
    ])
  } catch (cause) {
    throw assumptionNameTaken(assumption.name, cause)
  }
  return assumption
}

async function checkAssuming(records: Records, own: OrganizationId, other: OrganizationId): Promise<void> {
  const pointer = '/assuming_organization'
  if (other === own)
    throw new DomainError('invalid_request', 'an organization needs no assumption of its own role', {
      faults: [{ pointer, detail: 'is the organization itself', fix: 'give its own key or user the role' }],
    })
  if ((await records.find(other, organizations, other)) === undefined)
    throw new DomainError('organization_not_found', 'no such organization', {
      faults: [{ pointer, detail: 'names no organization', fix: 'ask the other organization for its id' }],
    })
}
