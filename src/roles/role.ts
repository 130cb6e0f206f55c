import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import type { Statement } from '../evaluator/model.ts'
import type { RoleId, ServiceId } from '../ids.ts'
import type { Collection, Stored } from '../storage/ports.ts'

/** An organization-defined role on one service. */
export interface Role extends Stored {
  readonly id: RoleId
  readonly serviceId: ServiceId
  /** Unique within the organization and service; for people. Tokens name the role by its id. */
  readonly name: string
  readonly description: string
  readonly allow: readonly Statement[]
  readonly createdAt: EpochMs
  readonly changedAt: EpochMs
}

export const roles: Collection<Role> = {
  name: 'roles',
  schema: z.custom<Role>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    id: { keys: (role) => [role.id], unique: true, deploymentWide: true },
    service: { keys: (role) => [role.serviceId] },
    name: { keys: (role) => [`${role.serviceId}/${role.name}`], unique: true },
  },
}
