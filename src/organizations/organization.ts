import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import { revoke } from '../revocations/revocation.ts'
import type { Collection, Insert, Records, Stored } from '../storage/ports.ts'

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

/** @throws {DomainError} `organization_not_found` */
export async function getOrganization(records: Records, id: OrganizationId): Promise<Organization> {
  const organization = await records.find(id, organizations, id)
  if (organization === undefined) throw new DomainError('organization_not_found', `no organization ${id}`)
  return organization
}

/** A state of its own, and an authority above every token that knew another. */
export function withState(organization: Organization, state: OrganizationState): Organization {
  return { ...organization, state, authority: organization.authority + 1, version: organization.version + 1 }
}

/** Ends every token of the organization, at every service, that carries an authority below this one. */
export function endTokens(
  newId: NewId,
  nowMs: EpochMs,
  organizationId: OrganizationId,
  lowest: number,
): Insert {
  return revoke(newId, nowMs, { organizationId, ended: { kind: 'authority', of: organizationId, lowest } })
}

/** @throws {DomainError} `organization_protected`: without the operator nobody could undo it */
export function refuseForOperator(organization: Organization, verb: string): void {
  if (organization.kind === 'operator')
    throw new DomainError('organization_protected', `the operator cannot be ${verb}`, {
      fix: 'to end the deployment, stop the server and remove its store',
    })
}
