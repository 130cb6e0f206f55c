import { DomainError } from '../errors.ts'
import type { CompiledModel } from '../evaluator/compile-model.ts'
import type { Caller } from '../evaluator/model.ts'
import { nearest } from '../evaluator/nearest.ts'
import { type ReachedOperation, type ReachQuestion, reachOf } from '../evaluator/reach.ts'
import { type OrganizationId, parseId, type ServiceId } from '../ids.ts'
import type { GuardSource } from '../sdk/guard-source.ts'
import type { Records } from '../storage/ports.ts'
import type { Resource } from '../tags/resource.ts'
import { walkResources } from '../tags/walk-resources.ts'

interface Deps {
  /** Not the cached ones: each resource is looked at once, and would push out what is asked for always. */
  readonly records: Records
  /** What decisions of the service go by. */
  readonly factsFor: GuardSource['factsFor']
}

export interface ReachableQuestion extends Pick<ReachQuestion, 'operationId' | 'shape' | 'content'> {
  readonly serviceId: ServiceId
  readonly model: CompiledModel
  readonly caller: Caller
}

export interface ReachableResource {
  readonly resource: Resource
  readonly standing: 'owned' | 'shared'
  /** One at least. */
  readonly operations: readonly ReachedOperation[]
}

export interface ReachablePage {
  readonly items: readonly ReachableResource[]
  /** Where the next page goes on: a page may have fewer items than asked for, or none, and there be more. */
  readonly nextCursor: string | null
}

/** So many are looked at for one page. */
const lookedAtMax = 1_000

/**
 * The resources on which a caller may do something, as decisions would say: its organization's own ones, then those that
 * are shared with it, in the order of ids. What a page costs does not grow with their number.
 * @param cursor fits `walkCursor`
 * @throws {DomainError} `invalid_request` where the API itself knows its resources, and for what is no operation on one
 */
export async function reachableResources(
  deps: Deps,
  question: ReachableQuestion,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<ReachablePage> {
  checkAskable(question)
  const organizationId = parseId('org', question.caller.organizationId)
  const reach = await reaching(deps, question)
  if (organizationId === undefined || reach === undefined) return { items: [], nextCursor: null }
  const { serviceId, model } = question
  const isSharedWithAnyone = model.model.sharedWithAnyone === true
  const walk = walkResources(deps.records, { serviceId, organizationId, isSharedWithAnyone }, cursor)
  const items: ReachableResource[] = []
  let lookedAt = 0
  let last: string | undefined
  for await (const steps of walk) {
    const reached = await reach(steps.flatMap((step) => step.resource ?? []))
    for (const { cursor, resource } of steps) {
      if (items.length === limit || lookedAt === lookedAtMax) return { items, nextCursor: last ?? null }
      lookedAt++
      last = cursor
      const operations = (resource && reached.get(resource)) ?? []
      if (resource === undefined || operations.length === 0) continue
      items.push({ resource, standing: standingOf(resource, organizationId), operations })
    }
  }
  return { items, nextCursor: null }
}

function standingOf(resource: Resource, organizationId: OrganizationId): ReachableResource['standing'] {
  return resource.organizationId === organizationId ? 'owned' : 'shared'
}

function checkAskable({ model, operationId }: ReachableQuestion): void {
  if (model.model.resources !== 'latchkey')
    throw refused('?service', 'the API itself knows its resources', {
      fix: 'its owner says `resources: latchkey` first',
    })
  if (operationId === undefined) return
  const operation = model.operationsById.get(operationId)
  if (operation === undefined) {
    const near = nearest(operationId, model.operationsById.keys())
    throw refused('?operation', 'is no operation of the service', {
      ...(near === undefined ? {} : { fix: `did you mean ${near}?` }),
    })
  }
  if (model.resources.ofOperations[operation.index] === undefined)
    throw refused('?operation', 'acts on no resource', {})
}

function refused(pointer: string, detail: string, more: { readonly fix?: string }): DomainError {
  return new DomainError('invalid_request', `${pointer.slice(1)}: ${detail}`, {
    ...more,
    faults: [{ pointer, detail, ...more }],
  })
}

type Reached = ReadonlyMap<Resource, readonly ReachedOperation[]>
type Reaching = (resources: readonly Resource[]) => Promise<Reached>

/** How to ask about several resources. `undefined`: there is none that the caller could reach. */
async function reaching({ factsFor }: Deps, question: ReachableQuestion): Promise<Reaching | undefined> {
  const { caller } = question
  const asking = async (names: readonly string[]) =>
    reachOf({ ...question, facts: await factsFor(caller, names) })
  const first = await asking([])
  if (first === undefined) return undefined
  return async (resources) => {
    let reach: typeof first | undefined = first
    const others = new Set<string>()
    for (;;) {
      if (typeof reach !== 'function')
        throw new DomainError('stale_bundle', 'access cannot be decided right now')
      const known = others.size
      const reached = new Map<Resource, readonly ReachedOperation[]>()
      for (const resource of resources) {
        const { name, organizationId: owner, tags } = resource
        const answer = reach({ name, fact: { owner, tags } })
        if (!('resources' in answer)) reached.set(resource, answer)
        // Where templates overlap, its path leads to other resources as well.
        else for (const other of answer.resources) others.add(other)
      }
      if (reached.size === resources.length) return reached
      reach = others.size === known ? undefined : await asking([...others])
    }
  }
}
