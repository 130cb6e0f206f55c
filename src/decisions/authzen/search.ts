import type { ServerDecider } from '../server-decider.ts'
import { type Asked, requestAt } from './action.ts'
import type { EvaluationDeps } from './evaluate.ts'
import type { OperationPlace } from './operation-places.ts'

export interface SearchDeps extends EvaluationDeps {
  /** Not the cached ones: each that is looked through is read once, and would push out what is asked for always. */
  readonly storedRecords: EvaluationDeps['records']
}

/** What part of a search's results is asked for (§8.2). */
export interface SearchPage {
  readonly limit: number
  /** Where the page before it ended. */
  readonly cursor?: string | undefined
}

export interface SearchResults<R> {
  /** May be fewer than asked for, or none, and there be more. */
  readonly results: readonly R[]
  readonly nextCursor: string | undefined
}

export const noResults: SearchResults<never> = { results: [], nextCursor: undefined }

/** So many are looked at for one page. */
export const lookedAtMax = 1_000

/** Whether an evaluation would say yes: of every request that the action is. It is not recorded: nobody makes one. */
export async function wouldAllow(
  decider: ServerDecider,
  places: readonly OperationPlace[],
  asked: Asked,
): Promise<boolean> {
  const { model } = await decider.bundle()
  for (const place of places) {
    const at = requestAt(model, place, asked)
    if (at === undefined) return false
    const { decision } = await decider.weigh(asked.subject, at.request, at.described)
    if (!decision.allowed) return false
  }
  return places.length > 0
}
