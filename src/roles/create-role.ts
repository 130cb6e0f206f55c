import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { insert, type Records } from '../storage/ports.ts'
import { groundOf } from './ground.ts'
import type { WrittenContent } from './read-policy.ts'
import { readRoleContent } from './read-role-content.ts'
import { nameTaken, type Role, roles } from './role.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

export interface NewRole extends WrittenContent {
  /** A service's id or slug. */
  readonly service: string
  readonly name: string
  readonly description: string
}

/** @throws {DomainError} `organization_not_found`, `service_not_found`, `role_refused`, `already_exists` */
export async function createRole(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  { service, name, description, ...written }: NewRole,
): Promise<Role> {
  const ground = await groundOf(deps.records, organizationId, service)
  const content = await readRoleContent(written, ground, giver)
  const [id, nowMs] = [deps.newId('rol'), deps.clock()]
  const times = { createdAt: nowMs, changedAt: nowMs }
  const role: Role = {
    ...{ id, organizationId, version: 1, serviceId: ground.service.id },
    ...{ name, description, ...content, ...times },
  }
  const details = { name, service_id: role.serviceId, ...content }
  try {
    await deps.commit({ type: 'role.created', organizationId, target: id, by, details }, [
      insert(roles, role),
    ])
  } catch (cause) {
    throw nameTaken(name, cause)
  }
  return role
}
