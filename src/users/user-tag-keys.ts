import { askedForTagsMax, type TagKeysInUse } from '../services/tag-keys-in-use.ts'
import type { Records } from '../storage/ports.ts'
import { users } from './user.ts'

/** The keys of tags that the organization's newest users have. */
export function userTagKeys(records: Records): TagKeysInUse {
  return async (organizationId) => {
    const page = { limit: askedForTagsMax, order: 'newest_first' } as const
    const found = await records.list(organizationId, users, 'all', '', page)
    return { of: 'principalTags', keys: found.flatMap(({ tags }) => Object.keys(tags)) }
  }
}
