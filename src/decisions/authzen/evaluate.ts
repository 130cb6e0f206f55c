import { hasBit } from '../../evaluator/bits.ts'
import type { CompiledModel } from '../../evaluator/compile-model.ts'
import type { DenialReason, ReasonCode } from '../../evaluator/model.ts'
import type { ResponseFilter } from '../../evaluator/response/response-filter.ts'
import type { DecisionId } from '../../ids.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import type { Subject } from '../asked-subject.ts'
import type { ServerDecider, ServerDecision } from '../server-decider.ts'
import { askedRequest, type Properties } from './asked-request.ts'
import { describedResource } from './described.ts'
import { type AuthzenSubject, findSubject, type SubjectContext } from './find-subject.ts'
import { isOfType, type OperationPlace, operationPlaces } from './operation-places.ts'

/** §5.3. */
export interface AuthzenAction {
  readonly name: string
  readonly properties?: Properties | undefined
}

/** §5.2. */
export interface AuthzenResource {
  readonly type: string
  readonly id: string
  readonly properties?: Properties | undefined
}

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
  { subject: asked, action, resource, context }: Evaluation,
): Promise<Evaluated> {
  const { model } = await deps.decider.bundle()
  const subject = await findSubject(deps, service, asked, context)
  const places = placesOf(model, action.name, resource.type)
  if (places === undefined) return deniedFor('unknown_operation')
  let allowed: ServerDecision | undefined
  for (const place of places) {
    const decision = await decideAt(deps.decider, model, place, { subject, action, resource, context })
    if (decision === undefined) return deniedFor('unknown_resource')
    if (!decision.decision.allowed) return evaluated(decision)
    allowed ??= decision
  }
  return allowed === undefined ? deniedFor('unknown_resource') : evaluated(allowed)
}

/** `undefined`: no operation, and no scope, has this name. Empty: none of it acts on this type of resource. */
function placesOf(model: CompiledModel, action: string, type: string): readonly OperationPlace[] | undefined {
  const places = operationPlaces(model)
  const indexed = model.operationsById.get(action)
  if (indexed !== undefined) {
    const place = places[indexed.index]
    return place !== undefined && isOfType(place, type) ? [place] : []
  }
  const scope = model.rolesByName.get(action)
  if (scope?.role.delegable !== true) return undefined
  const opened = places.filter(
    (place, index) => hasBit(scope.operations, index) && place.actsOnResource && isOfType(place, type),
  )
  // One name for two kinds of resources says neither.
  return new Set(opened.map(({ shape }) => shape)).size > 1 ? [] : opened
}

interface At {
  readonly subject: Subject
  readonly action: AuthzenAction
  readonly resource: AuthzenResource
  readonly context: SubjectContext
}

async function decideAt(
  decider: ServerDecider,
  model: CompiledModel,
  place: OperationPlace,
  { subject, action, resource, context }: At,
): Promise<ServerDecision | undefined> {
  const request = askedRequest(model, place, resource.id, action.properties)
  if (request === undefined) return undefined
  const { properties } = resource
  const described = properties && describedResource(model, request, properties)
  // One name for several requests has no one response that a filter is for.
  const canFilter = context.canFilter === true && place.operation.id === action.name
  return await decider.decide(subject, { ...request, canFilter }, described)
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
