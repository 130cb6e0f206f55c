import { askedForTagsMax, type TagKeysInUse } from '../services/tag-keys-in-use.ts'
import type { Records } from '../storage/ports.ts'
import { clientKeys } from './client-key.ts'

/** The keys of tags that the organization's newest client keys have. */
export function keyTagKeys(records: Records): TagKeysInUse {
  return async (organizationId) => {
    const page = { limit: askedForTagsMax, order: 'newest_first' } as const
    const found = await records.list(organizationId, clientKeys, 'all', '', page)
    return { of: 'principalTags', keys: found.flatMap(({ tags = {} }) => Object.keys(tags)) }
  }
}
