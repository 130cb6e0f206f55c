import { z } from 'zod'
import { pageOf, pagingQuery } from '../../http/paging.ts'
import { walkCursor } from '../../tags/walk-resources.ts'
import { present, ResourceBody } from '../../tags/wire.ts'
import type { ReachablePage, ReachableResource } from '../reachable-resources.ts'

/** What is asked of one principal, on the wire. */
export const reachableQuery = {
  limit: pagingQuery.limit,
  cursor: z.string().regex(walkCursor, 'is not a next_cursor of this list').optional(),
  operation: z.string().max(200).optional().describe('By this operation alone.'),
  scope: z
    .string()
    .max(4_000)
    .transform((text) => text.split(' ').filter((name) => name !== ''))
    .optional()
    .describe(
      'What the app may do that acts for a user, or what a key has asked for: names with spaces between. Without it a ' +
        'user acts themselves.',
    ),
}

const ReachedBody = z.object({
  operation: z.string(),
  method: z.string(),
  path: z.string().describe("The operation's path template."),
  on: z
    .enum(['resource', 'held'])
    .describe('`held`: on what the resource holds, as far as the API has not registered that.'),
  reach: z
    .enum(['allowed', 'depends_on_request'])
    .describe(
      '`depends_on_request`: some requests may be allowed, by fields or a condition that look at them.',
    ),
})

const ReachableBody = z.object({
  resource: ResourceBody.extend({
    tags: ResourceBody.shape.tags.nullable().describe('`null` where they are another organization’s.'),
    registered_by: z.string().nullable(),
  }),
  standing: z
    .enum(['owned', 'shared'])
    .describe('`shared`: another organization lets it be done, by access tags.'),
  operations: z.array(ReachedBody),
})

export const ReachableBodies = pageOf(ReachableBody)

export const reachableDescription =
  'By the role and the tags that the principal has now; nothing while it may not be let in, as when it is disabled. What ' +
  'its organization owns comes first, then what is shared with it. A page looks at up to 1,000 resources: it may have ' +
  'fewer items than asked for, or none, and still a `next_cursor`.'

/** @param whole the service's owner asks: nothing of its resources is hidden from it */
export function presentReachable({ items, nextCursor }: ReachablePage, whole: 'whole' | 'own_alone') {
  const presentOne = ({
    resource,
    standing,
    operations,
  }: ReachableResource): z.input<typeof ReachableBody> => ({
    resource: {
      ...present(resource),
      // Tags are their owner's own words, and name with whom else it shares.
      ...(standing === 'shared' && whole === 'own_alone' ? { tags: null, registered_by: null } : {}),
    },
    standing,
    operations: operations.map(({ operation: { id, method, path }, on, reach }) => ({
      ...{ operation: id, method, path, on, reach },
    })),
  })
  return { items: items.map(presentOne), next_cursor: nextCursor }
}
