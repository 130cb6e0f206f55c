import type { CompiledModel } from '../../evaluator/compile-model.ts'
import type { DenialReason, ReasonCode } from '../../evaluator/model.ts'
import type { ResponseFilter } from '../../evaluator/response/response-filter.ts'
import type { DecisionId } from '../../ids.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import type { ServerDecider, ServerDecision } from '../server-decider.ts'
import { type Asked, type AuthzenAction, type AuthzenResource, placesOf, requestAt } from './action.ts'
import { type AuthzenSubject, findSubject, type SubjectContext } from './find-subject.ts'
import type { OperationPlace } from './operation-places.ts'

/** One question of the Access Evaluation API (§6.1). */
export interface Evaluation {
  readonly subject: AuthzenSubject
  readonly action: AuthzenAction
  readonly resource: AuthzenResource
  readonly context: SubjectContext
}

export interface EvaluationDeps {
  /** The cached ones. */
  readonly records: Records
  readonly decider: ServerDecider
}

/** How a question comes out. */
export interface Evaluated {
  readonly allowed: boolean
  readonly reason: ReasonCode
  /** Absent where no request was decided: nothing could be asked. */
  readonly decisionId?: DecisionId
  readonly neededScopes?: readonly string[]
  /** What may be shown of the response: where the action is one operation. */
  readonly filter?: ResponseFilter
  readonly detail?: string
}

/**
 * Decides as if the action were requested. An action is an operation, by its id; else a scope, and then every operation
 * that it opens on this kind of resource.
 * @throws {DomainError} `stale_bundle`
 */
export async function evaluate(
  deps: EvaluationDeps,
  service: Service,
  { subject: asked, ...rest }: Evaluation,
): Promise<Evaluated> {
  const subject = await findSubject(deps, service, asked, rest.context)
  return await evaluateFor(deps.decider, { subject, ...rest })
}

/** The same once it is known who the subject is. */
export async function evaluateFor(decider: ServerDecider, asked: Asked): Promise<Evaluated> {
  const { model } = await decider.bundle()
  const places = placesOf(model, asked.action.name, asked.resource.type)
  if (places === undefined) return deniedFor('unknown_operation')
  let allowed: ServerDecision | undefined
  for (const place of places) {
    const decision = await decideAt(decider, model, place, asked)
    if (decision === undefined) return deniedFor('unknown_resource')
    if (!decision.decision.allowed) return evaluated(decision)
    allowed ??= decision
  }
  return allowed === undefined ? deniedFor('unknown_resource') : evaluated(allowed)
}

async function decideAt(
  decider: ServerDecider,
  model: CompiledModel,
  place: OperationPlace,
  asked: Asked,
): Promise<ServerDecision | undefined> {
  const at = requestAt(model, place, asked)
  return at && (await decider.decide(asked.subject, at.request, at.described))
}

function deniedFor(reason: DenialReason): Evaluated {
  return { allowed: false, reason }
}

function evaluated({ decision, decisionId, detail }: ServerDecision): Evaluated {
  const { allowed, reason } = decision
  const neededScopes = decision.allowed ? undefined : decision.neededScopes
  return {
    ...{ allowed, reason, decisionId },
    ...(neededScopes === undefined ? {} : { neededScopes }),
    ...(decision.allowed && decision.filter ? { filter: decision.filter } : {}),
    ...(detail === undefined ? {} : { detail }),
  }
}
