import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { FilterStatement, Statement } from '../evaluator/model.ts'
import type { OrganizationId, RoleId, ServiceId } from '../ids.ts'
import type { Collection, Records, Stored } from '../storage/ports.ts'

/** An organization-defined role on one service. */
export interface Role extends Stored {
  readonly id: RoleId
  readonly serviceId: ServiceId
  /** Unique within the organization and service; for people. Tokens name the role by its id. */
  readonly name: string
  readonly description: string
  readonly allow: readonly Statement[]
  /** What is shown of responses. Absent: all. */
  readonly filter?: readonly FilterStatement[]
  readonly createdAt: EpochMs
  readonly changedAt: EpochMs
}

export const roles: Collection<Role> = {
  name: 'roles',
  schema: z.custom<Role>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    id: { keys: (role) => [role.id], unique: true, deploymentWide: true },
    service: { keys: (role) => [role.serviceId], deploymentWide: true },
    name: { keys: (role) => [`${role.serviceId}/${role.name}`], unique: true },
  },
}

/** @throws {DomainError} `role_not_found` */
export async function getRole(records: Records, organizationId: OrganizationId, id: RoleId): Promise<Role> {
  const role = await records.find(organizationId, roles, id)
  if (role === undefined) throw new DomainError('role_not_found', `no role ${id}`)
  return role
}

/** What a commit throws when another role of the service has the name. */
export function nameTaken(name: string, cause: unknown): unknown {
  if (!hasCode(cause, 'already_exists')) return cause
  return new DomainError('already_exists', `another role on this service is called ${name}`, {
    cause,
    faults: [{ pointer: '/name', detail: 'is taken', fix: 'choose another' }],
  })
}
