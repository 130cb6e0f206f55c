import { hasBit } from './bits.ts'
import { encodeSegment } from './canonical-path.ts'
import type { CompiledModel } from './compile-model.ts'
import { type CompiledResource, compileResource } from './compiled-resource.ts'
import { findOperations } from './find-operations.ts'
import { actsOnResource } from './find-resource.ts'
import { type DecisionFacts, type Grant, grantOf, type MissingFacts } from './grant.ts'
import { Match } from './match.ts'
import type { Caller, Operation, ResourceFact } from './model.ts'
import { parameterNames } from './path-template.ts'
import type { IndexedOperation } from './path-trie.ts'
import { RequestContent } from './request/request-at-hand.ts'
import { type ResourceName, shapeOfName, valuesInName } from './resource-key.ts'
import { resourceKey } from './resource-path.ts'
import { type Asked, verdictOn } from './verdict.ts'

/**
 * What can be told without a request. `depends_on_request`: none is allowed whatever it holds, and some may be, by fields
 * or a condition that look at it.
 */
export type Reach = 'allowed' | 'depends_on_request'

/** An operation that somebody may do on a resource. */
export interface ReachedOperation {
  readonly operation: Operation
  /** `held`: it acts on what the resource holds, as far as nobody has registered that. */
  readonly on: 'resource' | 'held'
  readonly reach: Reach
}

/** A registered resource, with its name. */
export interface NamedFact {
  readonly name: ResourceName
  readonly fact: ResourceFact
}

interface Place {
  readonly indexed: IndexedOperation
  /** Which of the resources that its path names, counted from the inside out: 0 is what it acts on. */
  readonly end: number
}

const placesOf = new WeakMap<CompiledModel, ReadonlyMap<string, readonly Place[]>>()

/** The operations that a resource of each shape decides about: those on it, and those on what it holds. */
function placesIn(model: CompiledModel): ReadonlyMap<string, readonly Place[]> {
  const known = placesOf.get(model)
  if (known !== undefined) return known
  const places = new Map<string, Place[]>()
  for (const indexed of model.operationsById.values()) {
    if (!actsOnResource(model, indexed.index)) continue
    for (const [end, { template }] of (model.resources.ofOperations[indexed.index]?.ends ?? []).entries()) {
      const ofShape = places.get(template.shape)
      if (ofShape === undefined) places.set(template.shape, [{ indexed, end }])
      else ofShape.push({ indexed, end })
    }
  }
  placesOf.set(model, places)
  return places
}

/** Asks which of a list of resources a caller reaches: what is the same for all of them is worked out once. */
export interface ReachQuestion {
  readonly model: CompiledModel
  readonly caller: Caller
  readonly facts: DecisionFacts
  /** Of this operation alone, by its id. */
  readonly operationId?: string | undefined
  /** Of resources of this shape alone (`/clusters/{}`). */
  readonly shape?: string | undefined
  /** What is known of the request. Absent: nothing. */
  readonly content?: RequestContent | undefined
}

type Reaching = (resource: NamedFact) => readonly ReachedOperation[] | MissingFacts

/**
 * @returns how to ask about one resource: which operations its caller may do, as `decide` would say; none where it is
 * another organization's and not shared. `undefined` if there is none that the caller could reach, whatever it is;
 * facts that must be at hand first, of the caller or of other resources that overlapping paths lead to.
 */
export function reachOf(question: ReachQuestion): Reaching | MissingFacts | undefined {
  const { model, caller, facts, operationId, shape } = question
  const grant = grantOf(model, facts, caller)
  if (!('operations' in grant)) return grant
  const places = new Map<string, readonly Place[]>()
  for (const [of, all] of placesIn(model)) {
    const open = all.filter(
      ({ indexed }) =>
        (operationId === undefined || indexed.operation.id === operationId) && mayOpen(grant, indexed),
    )
    if (open.length > 0 && (shape === undefined || shape === of)) places.set(of, open)
  }
  if (places.size === 0) return undefined
  const content = question.content ?? new RequestContent(undefined)
  return ({ name, fact }) => {
    const reached: ReachedOperation[] = []
    const resource = { name, of: compileResource(fact) }
    for (const place of places.get(shapeOfName(name)) ?? []) {
      const reach = reachOfOperation({ model, caller, grant, content, facts }, place, resource)
      if (typeof reach === 'object') return reach
      if (reach === undefined) continue
      const { operation } = place.indexed
      reached.push({ operation, on: place.end === 0 ? 'resource' : 'held', reach })
    }
    return reached
  }
}

function mayOpen({ operations, scope }: Grant, { index, operation }: IndexedOperation): boolean {
  if (operation.public === true) return true
  return hasBit(operations, index) && (scope === undefined || hasBit(scope.operations, index))
}

function reachOfOperation(
  asked: Asked,
  { indexed, end }: Place,
  { name, of }: { readonly name: ResourceName; readonly of: CompiledResource },
): Reach | MissingFacts | undefined {
  const { model, caller, facts } = asked
  const { ids, parameters } = pathOf(model, caller, indexed, end, name)
  const path = model.resources.ofOperations[indexed.index]
  // Where ids are unique within an organization, another one's path leads to its own resource.
  const named = path?.ends[end]
  if (path === undefined || named === undefined) return undefined
  if (resourceKey(path, named, ids, caller.organizationId).name !== name) return undefined
  const held: DecisionFacts = {
    ...{ role: (id) => facts.role(id), entitlement: (id) => facts.entitlement(id) },
    // What it holds is not registered: else that decides.
    resource: (key) => (key.name === name ? of : end > 0 ? null : facts.resource(key)),
  }
  const matches = matchesOf(asked, indexed, ids, parameters)
  let all: Reach | undefined
  for (const match of matches) {
    const reach =
      match.indexed.operation.public === true ? 'allowed' : reachOfMatch({ ...asked, facts: held }, match)
    if (typeof reach === 'object' || reach === undefined) return reach
    all = all === undefined || all === 'allowed' ? reach : all
  }
  return all
}

interface KnownPath {
  /** In the order of the path; `''`: not known, and nobody's id. */
  readonly ids: readonly string[]
  /** Names of the parameters, as far as their values are known. */
  readonly parameters: readonly string[]
}

/** What a resource's name tells of the path of an operation. */
function pathOf(
  model: CompiledModel,
  caller: Caller,
  { index, operation }: IndexedOperation,
  end: number,
  name: ResourceName,
): KnownPath {
  const { ids, namespace } = valuesInName(name)
  const namespaceAt = model.resources.ofOperations[index]?.ends[end]?.namespaceAt
  const names = parameterNames(operation.path)
  const values = names.map((parameter, at) => {
    if (at < ids.length) return ids[at]
    if (at === namespaceAt) return namespace
    return parameter === operation.organizationParameter ? caller.organizationId : undefined
  })
  return {
    ids: values.map((value) => value ?? ''),
    parameters: names.map((parameter, at) => (values[at] === undefined ? '' : parameter)),
  }
}

/** All operations that such a request would be for: where templates overlap, each of them must allow. */
function matchesOf(
  { model }: Asked,
  indexed: IndexedOperation,
  ids: readonly string[],
  parameters: readonly string[],
): readonly Match[] {
  // Of a path that is known in part only one operation can be told.
  if (parameters.includes('')) return [new Match(indexed, parameters, ids)]
  const { operation } = indexed
  const path = `${model.model.basePaths[0] ?? ''}${filledIn(operation, ids)}`
  const found = findOperations(model.paths, operation.method, path)
  if (found.kind === 'refused') return []
  return found.matches.some((match) => match.indexed === indexed) ? found.matches : []
}

function filledIn({ path, parameters }: Operation, ids: readonly string[]): string {
  let at = 0
  // Documents write literals both encoded and plain.
  return path.replace(/\{([^{}]*)\}|[^{}/]+/g, (literal, name: string | undefined) => {
    if (name === undefined) return encodeSegment(decodeURIComponent(literal))
    const id = ids[at++] ?? ''
    const { multiSegment, encodedSlash } = parameters[name] ?? {}
    return multiSegment === true && encodedSlash !== true
      ? id.split('/').map(encodeSegment).join('/')
      : encodeSegment(id)
  })
}

function reachOfMatch(asked: Asked, match: Match): Reach | MissingFacts | undefined {
  const verdict = verdictOn(asked, match)
  if (!('reason' in verdict)) return 'allowed'
  if (verdict.missing !== undefined) return verdict.missing
  return verdict.reason === 'body_required' ? 'depends_on_request' : undefined
}
