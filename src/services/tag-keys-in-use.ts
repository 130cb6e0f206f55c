import type { OrganizationId, ServiceId } from '../ids.ts'

export interface TagKeys {
  readonly of: 'principalTags' | 'resourceTags'
  readonly keys: readonly string[]
}

/** So many resources, keys or users are asked for theirs: the newest. */
export const askedForTagsMax = 100

/** A question to later rows: keys of tags that an organization uses at a service. Not all of them: one short list. */
export type TagKeysInUse = (organizationId: OrganizationId, serviceId: ServiceId) => Promise<TagKeys>
