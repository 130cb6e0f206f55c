import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Tags } from '../evaluator/model.ts'
import type { ResourceName } from '../evaluator/resource-key.ts'
import { foldTag } from '../evaluator/where/fold-tag.ts'
import type { OrganizationId, ResourceId, ServiceId } from '../ids.ts'
import type { Collection, Records, Stored } from '../storage/ports.ts'

/** What an API has told of one of its resources. Its owner comes as `organizationId`. */
export interface Resource extends Stored {
  readonly id: ResourceId
  readonly serviceId: ServiceId
  readonly name: ResourceName
  readonly tags: Tags
  /** The guard's key. */
  readonly registeredBy: string
  readonly createdAt: EpochMs
}

export const resources: Collection<Resource> = {
  name: 'resources',
  schema: z.custom<Resource>((value) => typeof value === 'object' && value !== null),
  /** Since 2 there is `shared`. */
  revision: 2,
  indexes: {
    all: { keys: () => [''] },
    name: {
      keys: ({ serviceId, name }) => [nameKey(serviceId, name)],
      unique: true,
      deploymentWide: true,
    },
    service: { keys: ({ serviceId }) => [serviceId], deploymentWide: true },
    tag: {
      keys: ({ serviceId, tags }) =>
        Object.entries(tags).flatMap(([key, values]) => values.map((value) => tagKey(serviceId, key, value))),
    },
    /** Those that access tags share, in whichever way. */
    shared: {
      keys: ({ serviceId, tags }) =>
        sharedWith(tags).map((organization) => sharedKey(serviceId, organization)),
      deploymentWide: true,
    },
  },
}

/** What an access tag says in place of an organization. */
export const anyone = '*'

/** The organizations that access tags name, `*` among them, each once. */
export function sharedWith(tags: Tags): readonly string[] {
  const named = Object.entries(tags).filter(([key]) => isAccessTagKey(key))
  return [...new Set(named.flatMap(([, values]) => values.map(foldTag)))]
}

export function isAccessTagKey(key: string): boolean {
  return foldTag(key).startsWith('access-tag:')
}

/** Under which those are found that are shared with an organization, or with anyone, whoever owns them. */
export function sharedKey(serviceId: ServiceId, organization: string): string {
  return `${serviceId}\t${organization}`
}

/** Under which a resource is found, whoever owns it. */
export function nameKey(serviceId: ServiceId, name: ResourceName): string {
  return `${serviceId}${name}`
}

/** Under which those of an organization that have a tag are listed. No tag has a control character in it. */
export function tagKey(serviceId: ServiceId, key: string, value: string): string {
  return `${serviceId}\t${foldTag(key)}\t${foldTag(value)}`
}

const lookedForMax = 3

/** Finds a resource by its name alone, whoever owns it. */
export async function findResource(
  records: Records,
  serviceId: ServiceId,
  name: ResourceName,
): Promise<Resource | undefined> {
  for (let times = 1; ; times++) {
    const [place] = await records.locate(resources, 'name', nameKey(serviceId, name), { limit: 1 })
    const found = place && (await records.find(place.organizationId, resources, place.id))
    // Re-homed between the two reads, it is at another place now.
    if (place === undefined || found !== undefined || times === lookedForMax) return found
  }
}

/** @throws {DomainError} `resource_not_found` */
export async function getResource(
  records: Records,
  organizationId: OrganizationId,
  id: ResourceId,
): Promise<Resource> {
  const resource = await records.find(organizationId, resources, id)
  if (resource === undefined) throw new DomainError('resource_not_found', `no resource ${id}`)
  return resource
}

/** The path that a name says, and its namespace. */
export function pathIn(name: ResourceName): { readonly path: string; readonly namespace?: string } {
  const start = name.indexOf('/')
  const path = name.slice(start).replace(/[{}]/g, '')
  return start === 0 ? { path } : { path, namespace: decodeURIComponent(name.slice(1, start - 1)) }
}
