import { askedForTagsMax, type TagKeysInUse } from '../services/tag-keys-in-use.ts'
import type { Records } from '../storage/ports.ts'
import { resources } from './resource.ts'

/** The keys of tags that the organization's newest resources have, of those on the service. */
export function resourceTagKeys(records: Records): TagKeysInUse {
  return async (organizationId, serviceId) => {
    const page = { limit: askedForTagsMax, order: 'newest_first' } as const
    const found = await records.list(organizationId, resources, 'all', '', page)
    const ofService = found.filter((one) => one.serviceId === serviceId)
    return { of: 'resourceTags', keys: ofService.flatMap(({ tags }) => Object.keys(tags)) }
  }
}
