import { z } from 'zod'

const limitDefault = 50
const limitMax = 200

/** `?limit=&cursor=` of every list. The cursor is the `next_cursor` of the page before: the id of its last item. */
export const pagingQuery = {
  limit: z.coerce.number().int().min(1).max(limitMax).default(limitDefault),
  cursor: z
    .string()
    .regex(/^[a-z]{3}_[0-9a-z]{26}$/, 'is not a next_cursor of this list')
    .optional(),
}

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() })
}

/** Asks for one more than is shown: only then is it known whether there is a next page. */
export async function readPage<T extends { readonly id: string }>(
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  read: (page: { readonly limit: number; readonly after?: string }) => Promise<readonly T[]>,
): Promise<{ readonly items: readonly T[]; readonly nextCursor: string | null }> {
  const found = await read({ limit: limit + 1, ...(cursor === undefined ? {} : { after: cursor }) })
  const items = found.slice(0, limit)
  return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null }
}
