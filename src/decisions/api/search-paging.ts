import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { DomainError } from '../../errors.ts'
import { notTaken } from '../../http/parse-with.ts'
import type { SearchPage, SearchResults } from '../authzen/search.ts'

/** Which part of the results is asked for (§8.2.1). */
export const PageBody = z
  .object({
    token: z.string().max(8_000).default('').describe("A page's `next_token`; empty: the first page."),
    limit: z
      .int()
      .min(0)
      .optional()
      .describe('Up to 1,000 at once; 100, or what the page before was asked for.'),
    properties: z.record(z.string(), z.unknown()).optional(),
  })
  .optional()

const limitMax = 1_000
const limitDefault = 100

/** What a token says: of which search it is, what each of its pages holds at most, and where the page before it ended. */
const Token = z.tuple([z.string(), z.int().min(0), z.string().nullable()])

/**
 * One page of a search. A token goes on with the search that it is of, and with no other (§8.2): whoever asks about
 * somebody else in between would take the rest for theirs.
 * @param question all that the search is asked, whatever it is made of
 * @throws {DomainError} `invalid_request` for a token that is none, or of another search, or of another limit
 */
export async function answerPage<T, R>(
  asked: z.output<typeof PageBody>,
  question: unknown,
  search: (page: SearchPage) => Promise<SearchResults<T>>,
  present: (result: T) => R,
) {
  const mark = markOf(question)
  const { limit, cursor } = asked === undefined || asked.token === '' ? first(asked) : goOn(asked, mark)
  const next = (after: string | undefined): string =>
    Buffer.from(JSON.stringify([mark, limit, after ?? null])).toString('base64url')
  // Who asks for nothing is told whether there is something, and may ask again for more.
  if (limit === 0) {
    const { results, nextCursor } = await search({ limit: 1, cursor })
    const isEnd = results.length === 0 && nextCursor === undefined
    return page(isEnd ? '' : next(cursor), [])
  }
  const { results, nextCursor } = await search({ limit: Math.min(limit, limitMax), cursor })
  return page(nextCursor === undefined ? '' : next(nextCursor), results.map(present))
}

/** The page stands first: who reads a long answer as it comes knows how much there is (§8.3). */
function page<R>(next_token: string, results: readonly R[]) {
  return { page: { next_token, count: results.length }, results }
}

function first(asked: z.output<typeof PageBody>): { limit: number; cursor?: undefined } {
  return { limit: asked?.limit ?? limitDefault }
}

function goOn({ token, limit }: NonNullable<z.output<typeof PageBody>>, mark: string) {
  const [of, before, cursor] = read(token)
  if (of !== mark)
    throw refused('is of a search for something else', 'Send what the first page was asked with.')
  if (limit !== undefined && limit !== before)
    throw refused(`is of pages of ${before}`, 'Leave limit as it was, or out.')
  return { limit: before, ...(cursor === null ? {} : { cursor }) }
}

function read(token: string): z.output<typeof Token> {
  const parsed = Token.safeParse(jsonIn(Buffer.from(token, 'base64url').toString()))
  if (!parsed.success) throw refused('is no next_token', 'Send the next_token of the page before, or none.')
  return parsed.data
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}

function refused(detail: string, fix: string): DomainError {
  return notTaken('body', [{ pointer: '/page/token', detail, fix }])
}

/** The same for the same question, in whatever order its members stand. */
function markOf(question: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(ordered(question)))
    .digest('base64url')
    .slice(0, 22)
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, ordered(member)])
  // A list of pairs is another question.
  return { members }
}
