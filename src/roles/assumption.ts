import { z } from 'zod'
import type { EventType } from '../audit/catalogue.ts'
import type { Actor, Happening } from '../audit/record.ts'
import type { EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import {
  type AssumptionId,
  type ClientKeyId,
  type NewId,
  type OrganizationId,
  parseId,
  type ServiceId,
  type UserId,
} from '../ids.ts'
import { revoke } from '../revocations/revocation.ts'
import type { PrincipalTags } from '../services/principal-tags.ts'
import type { Collection, Insert, Records, Stored } from '../storage/ports.ts'

/** One organization's permission for another to take one of its roles on a service for a while. */
export interface Assumption extends Stored {
  readonly id: AssumptionId
  readonly serviceId: ServiceId
  /** Unique within the organization and service; for people. */
  readonly name: string
  readonly description: string
  /** The name of a service-defined role, or the id of an organization-defined one. */
  readonly role: string
  /** Whose principals may assume the role. */
  readonly assumingOrganizationId: OrganizationId
  /** The only ones of them that may; empty: all. Whether they are that organization's is asked when they come. */
  readonly principals: readonly (ClientKeyId | UserId)[]
  /** All the tags that the token gets: none of the principal's own. */
  readonly tags: PrincipalTags
  /** The token's longest life. */
  readonly lifeSecondsMax: number
  /** Raised by each change of what the token may do, or who may have it; tokens carry it in `ver`. */
  readonly authority: number
  /** The principal that made it. */
  readonly createdBy: string
  readonly createdAt: EpochMs
  readonly changedAt: EpochMs
}

export const assumptions: Collection<Assumption> = {
  name: 'assumptions',
  schema: z.custom<Assumption>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    id: { keys: (assumption) => [assumption.id], unique: true, deploymentWide: true },
    service: { keys: (assumption) => [assumption.serviceId], deploymentWide: true },
    name: { keys: (assumption) => [`${assumption.serviceId}/${assumption.name}`], unique: true },
    /** Those that an organization may assume. */
    assuming: { keys: (assumption) => [assumption.assumingOrganizationId], deploymentWide: true },
    /** Those of an organization-defined role. */
    role: { keys: ({ role }) => (parseId('rol', role) === undefined ? [] : [role]) },
  },
}

/** @throws {DomainError} `assumption_not_found` */
export async function getAssumption(
  records: Records,
  organizationId: OrganizationId,
  id: AssumptionId,
): Promise<Assumption> {
  const assumption = await records.find(organizationId, assumptions, id)
  if (assumption === undefined) throw new DomainError('assumption_not_found', `no assumption ${id}`)
  return assumption
}

/** Finds one by its id alone, whichever organization has it: for who wants to assume it. */
export async function findAssumption(records: Records, id: AssumptionId): Promise<Assumption | undefined> {
  const [place] = await records.locate(assumptions, 'id', id, { limit: 1 })
  return place && (await records.find(place.organizationId, assumptions, id))
}

/** Ends the tokens of the assumption that carry an authority below this. */
export function endTokens(
  newId: NewId,
  nowMs: EpochMs,
  { id, organizationId, serviceId }: Assumption,
  lowest: number,
): Insert {
  return revoke(newId, nowMs, { organizationId, serviceId, ended: { kind: 'authority', of: id, lowest } })
}

/**
 * What happens to an assumption is told to both organizations. Where the one that lets its role be taken acts, the other
 * learns who it was, but not from where.
 */
export function toldToBoth(
  type: EventType,
  { id, organizationId, assumingOrganizationId }: Assumption,
  by: Actor,
  details: Readonly<Record<string, unknown>>,
): readonly [Happening, Happening] {
  const { address: _address, ...withoutAddress } = by
  const all = {
    ...{ organization_id: organizationId, assuming_organization_id: assumingOrganizationId },
    ...details,
  }
  const told = { type, target: id, details: all }
  return [
    { ...told, organizationId, by },
    {
      ...{ ...told, organizationId: assumingOrganizationId },
      by: by.organizationId === assumingOrganizationId ? by : withoutAddress,
    },
  ]
}

/** What events show of it. */
export function shownAssumption(assumption: Assumption): Readonly<Record<string, unknown>> {
  const { name, serviceId, role, principals, tags, lifeSecondsMax } = assumption
  return { name, service_id: serviceId, role, principals, tags, life_seconds_max: lifeSecondsMax }
}

/** What a commit throws when another assumption of the organization on the service has the name. */
export function assumptionNameTaken(name: string, cause: unknown): unknown {
  if (!hasCode(cause, 'already_exists')) return cause
  return new DomainError('already_exists', `another assumption on this service is called ${name}`, {
    cause,
    faults: [{ pointer: '/name', detail: 'is taken', fix: 'choose another' }],
  })
}
