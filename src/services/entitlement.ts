import { z } from 'zod'
import type { ServiceModel } from '../evaluator/model.ts'
import type { ServiceId } from '../ids.ts'
import type { Organization } from '../organizations/organization.ts'
import type { Collection, Stored } from '../storage/ports.ts'

/** The service-defined roles granted to an organization on a service; kept in that organization, under the service's id. */
export interface Entitlement extends Stored {
  readonly id: ServiceId
  readonly roles: readonly string[]
}

export const entitlements: Collection<Entitlement> = {
  name: 'entitlements',
  schema: z.custom<Entitlement>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    service: { keys: (entitlement) => [entitlement.id], deploymentWide: true },
  },
}

/**
 * The roles that an organization may use on a service. The operator has them all, those for itself alone included;
 * a customer those of its entitlement that are still grantable, or, without one, all of the default entitlement.
 */
export function entitledRoles(
  model: ServiceModel,
  organization: Organization,
  entitlement: Entitlement | undefined,
): readonly string[] {
  const roles =
    organization.kind === 'operator'
      ? model.roles
      : entitlement === undefined
        ? model.roles.filter((role) => role.grantable && role.inDefaultEntitlement)
        : model.roles.filter((role) => role.grantable && entitlement.roles.includes(role.name))
  return roles.map((role) => role.name)
}
