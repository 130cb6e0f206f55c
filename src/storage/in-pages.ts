import { hasCode } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { type Collection, cursorOf, type Page, type Records, type Stored } from './ports.ts'

const attemptsMax = 20
const pageMax = 1_000

/**
 * Lists from the start and ends what it finds, page by page, until nothing is left. `end` must take what it ends out of
 * the list. Where it loses a race, the page is listed again.
 */
export async function endInPages<T>(
  list: () => Promise<readonly T[]>,
  end: (page: readonly [T, ...T[]]) => Promise<void>,
): Promise<void> {
  let lost = 0
  for (;;) {
    const [first, ...others] = await list()
    if (first === undefined) return
    try {
      await end([first, ...others])
      lost = 0
    } catch (cause) {
      lost += 1
      if (!hasCode(cause, 'conflict') || lost === attemptsMax) throw cause
    }
  }
}

/**
 * What a deployment-wide index lists, page by page; each is read when the one before it is done with.
 * @param locate reads a page
 * @param size of a page
 * @param from goes on after this cursor
 */
export async function* locatedInPages<P extends Parameters<typeof cursorOf>[0]>(
  locate: (page: Page) => Promise<readonly P[]>,
  size: number,
  from?: string,
): AsyncGenerator<readonly P[]> {
  let after = from
  for (;;) {
    const places = await locate({ limit: size, ...(after === undefined ? {} : { after }) })
    const last = places.at(-1)
    if (last === undefined) return
    yield places
    if (places.length < size) return
    after = cursorOf(last)
  }
}

/** How many documents an index lists under a key; counting stops at `max`. */
export async function countUpTo<T extends Stored>(
  records: Records,
  organizationId: OrganizationId,
  from: Collection<T>,
  { index, key, max }: { readonly index: string; readonly key: string; readonly max: number },
): Promise<number> {
  let count = 0
  let after: string | undefined
  while (count < max) {
    const limit = Math.min(pageMax, max - count)
    const page = await records.list(organizationId, from, index, key, {
      limit,
      ...(after === undefined ? {} : { after }),
    })
    count += page.length
    after = page.at(-1)?.id
    if (page.length < limit) return count
  }
  return count
}

/** The same for a deployment-wide index, over all organizations. */
export async function countLocatedUpTo<T extends Stored>(
  records: Records,
  from: Collection<T>,
  { index, key, max }: { readonly index: string; readonly key: string; readonly max: number },
): Promise<number> {
  const located = locatedInPages((page) => records.locate(from, index, key, page), Math.min(pageMax, max))
  let count = 0
  for await (const places of located) {
    count += places.length
    if (count >= max) return max
  }
  return count
}
