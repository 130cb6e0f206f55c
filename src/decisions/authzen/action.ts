import { hasBit } from '../../evaluator/bits.ts'
import type { CompiledModel } from '../../evaluator/compile-model.ts'
import type { Subject } from '../asked-subject.ts'
import type { AskedRequest, Described } from '../server-decider.ts'
import { describedResource } from './described.ts'
import type { SubjectContext } from './find-subject.ts'
import { isOfType, type OperationPlace, operationPlaces } from './operation-places.ts'
import { type Properties, requestOfAction } from './request-of-action.ts'

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

/** `undefined`: no operation, and no scope, has this name. Empty: none of it acts on this type of resource. */
export function placesOf(
  model: CompiledModel,
  action: string,
  type: string,
): readonly OperationPlace[] | undefined {
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

/** An action on a resource, once it is known whose. */
export interface Asked {
  readonly subject: Subject
  readonly action: AuthzenAction
  readonly resource: AuthzenResource
  readonly context: SubjectContext
}

/** The request that the action is at a place, with what is sent of its resource. `undefined`: none leads there. */
export function requestAt(
  model: CompiledModel,
  place: OperationPlace,
  { action, resource, context }: Omit<Asked, 'subject'>,
): { readonly request: AskedRequest; readonly described: Described | undefined } | undefined {
  const request = requestOfAction(model, place, resource.id, action.properties)
  if (request === undefined) return undefined
  const { properties } = resource
  // One name for several requests has no one response that a filter is for.
  const canFilter = context.canFilter === true && place.operation.id === action.name
  const described = properties && describedResource(model, request, properties)
  return { request: { ...request, canFilter }, described }
}
