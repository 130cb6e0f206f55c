import type { CompiledModel } from '../compile-model.ts'
import { type Decision, type DecisionRequest, decideFound, refusal } from '../decide.ts'
import { findOperations } from '../find-operations.ts'
import type { DecisionFacts } from '../grant.ts'
import type { Caller } from '../model.ts'
import { RequestContent } from '../request/request-at-hand.ts'

/**
 * All that a decision depends on, beside the service's model. Whatever is to be looked at is one of these: a request as it
 * came; the same with other facts, where a draft stands in place of a live role; one that was recorded, decided again; one
 * that a test of a policy tells, with the reason that it expects.
 */
export interface Situation {
  readonly facts: DecisionFacts
  /** `undefined`: nobody who is known. */
  readonly caller: Caller | undefined
  readonly request: DecisionRequest
}

/** A situation that is decided several times, or many that differ little: a body is read once for all of them. */
export interface ReadSituation extends Situation {
  readonly content: RequestContent
}

export function readSituation({ facts, caller, request }: Situation): ReadSituation {
  return { facts, caller, request, content: new RequestContent(request.path, request.body) }
}

/** What is sent instead; of a body that stays, nothing is read anew. */
export function withRequest(situation: ReadSituation, request: DecisionRequest): ReadSituation {
  const isSameBody = request.body === situation.request.body
  const content = isSameBody
    ? situation.content.at(request.path)
    : new RequestContent(request.path, request.body)
  return { ...situation, request, content }
}

/** As `decide` decides it. */
export function decideIn(model: CompiledModel, { facts, caller, request, content }: ReadSituation): Decision {
  const found = findOperations(model.paths, request.method, request.path)
  return found.kind === 'refused' ? refusal(found) : decideFound(model, facts, caller, found, content)
}
