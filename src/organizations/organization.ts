import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import type { OrganizationId } from '../ids.ts'
import type { Collection, Stored } from '../storage/ports.ts'

export type OrganizationState =
  | { readonly kind: 'active' }
  | { readonly kind: 'suspended'; readonly suspendedAt: EpochMs; readonly reason: string }

/** A customer account, the tenant. The operator is the one that runs the deployment. */
export interface Organization extends Stored {
  readonly id: OrganizationId
  readonly name: string
  /** Short and unique, for people to type: 3–40 of `a-z0-9-`. */
  readonly slug: string
  readonly kind: 'operator' | 'customer'
  readonly state: OrganizationState
  /** Raised by each change of its state; tokens carry it in `ver`. */
  readonly authority: number
  readonly createdAt: EpochMs
}

export const organizations: Collection<Organization> = {
  name: 'organizations',
  schema: z.custom<Organization>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''], deploymentWide: true },
    slug: { keys: (organization) => [organization.slug], unique: true, deploymentWide: true },
    operator: {
      keys: (organization) => (organization.kind === 'operator' ? [''] : []),
      unique: true,
      deploymentWide: true,
    },
  },
}
