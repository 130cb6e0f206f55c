import type { CompiledModel } from '../compile-model.ts'
import { type Decision, type DecisionRequest, decide } from '../decide.ts'
import type { DecisionFacts } from '../grant.ts'
import type { Caller } from '../model.ts'

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

export function decideIn(model: CompiledModel, { facts, caller, request }: Situation): Decision {
  return decide(model, facts, caller, request)
}
