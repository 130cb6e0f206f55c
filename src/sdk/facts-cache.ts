import { type CompiledResource, compileResource } from '../evaluator/compiled-resource.ts'
import type { DecisionFacts } from '../evaluator/grant.ts'
import type { Caller, OrganizationRole, ResourceFact } from '../evaluator/model.ts'
import { ResourceIndex } from '../evaluator/resource-index.ts'
import { ResourceKey } from '../evaluator/resource-key.ts'
import { pause } from './back-off.ts'
import { BoundedMap } from './bounded-map.ts'
import type {
  Facts,
  FactsQuestion,
  FactKind as Kind,
  OrganizationFact,
  RegisteredResource,
  RoleFact,
} from './bundle.ts'
import { entitlementOf } from './entitlement-of.ts'
import { organizationRoleOf } from './organization-role-of.ts'

/** Asks a server. Rejects if none can be reached. */
type AskFacts = (question: FactsQuestion) => Promise<Facts>

interface FactsCacheOptions {
  readonly ask: AskFacts
  /** The position up to which the stream has been taken in. */
  readonly position: () => number
  readonly sizeMax: number
  readonly signal: AbortSignal
}

export interface FactsSnapshot {
  readonly roles: readonly (readonly [id: string, role: OrganizationRole | null])[]
  readonly organizations: readonly (readonly [id: string, entitlement: readonly string[]])[]
  /** Those registered, and those known not to be: what is in one of the first is not registered itself. */
  readonly resources?: readonly (readonly [name: string, fact: ResourceFact])[]
  readonly absent?: readonly string[]
}

/** One fact being asked for. */
interface Flight {
  readonly kind: Kind
  readonly id: string
  /** An answer must be at least of this position: the stream had named changes up to here. */
  notBefore: number
  readonly done: PromiseWithResolvers<void>
}

/** What a server answers that was told of a resource. */
type Told =
  | { readonly kind: 'registered'; readonly resource: RegisteredResource }
  | { readonly kind: 'refused' }

/** No resource has this name. */
const everything = ''
const kinds: readonly Kind[] = ['roles', 'organizations', 'resources']
const askedMax = 100
/** Of those used last: a copy is written whole each time. */
const copiedResourcesMax = 10_000
/** The node asked may be behind the one whose stream was read; by up to a second. */
const laggingPauseMs = 120
const triesMax = 12

/**
 * Facts, asked on first need in batches, kept until the stream names them. An answer is not kept if what it tells of
 * was named since it was read: else a change could be missed for good.
 */
export class FactsCache {
  readonly #options: FactsCacheOptions
  readonly #roles: BoundedMap<string, OrganizationRole | null>
  readonly #organizations: BoundedMap<string, readonly string[]>
  readonly #resources: BoundedMap<ResourceKey, CompiledResource>
  /** Names that are no resource's: any caller can think of more, which push out only their like. */
  readonly #absent: BoundedMap<ResourceKey, null>
  readonly #flights = new Map<string, Flight>()
  #waiting: Flight[] = []
  /** What the stream has named while a server was told of something, for each that is. */
  readonly #learning = new Set<Set<string>>()
  /** What decisions read: only what is at hand. */
  readonly facts: DecisionFacts

  constructor(options: FactsCacheOptions) {
    this.#options = options
    this.#roles = new BoundedMap(options.sizeMax)
    this.#organizations = new BoundedMap(options.sizeMax)
    this.#resources = new BoundedMap(options.sizeMax, () => new ResourceIndex())
    this.#absent = new BoundedMap(options.sizeMax, () => new ResourceIndex())
    this.facts = {
      role: (id) => this.#roles.get(id),
      entitlement: (id) => this.#organizations.get(id),
      resource: (key) => this.#resource(key),
    }
  }

  /** The facts about a caller and about the resources of a request: at once if they are at hand. */
  factsFor(caller: Caller, resources: readonly string[] = []): DecisionFacts | Promise<DecisionFacts> {
    let waits: Promise<void>[] | undefined
    if (this.#organizations.get(caller.organizationId) === undefined)
      waits = [this.#load('organizations', caller.organizationId)]
    for (const role of caller.roles)
      if (role.startsWith('rol_') && this.#roles.get(role) === undefined) {
        waits ??= []
        waits.push(this.#load('roles', role))
      }
    for (const name of resources)
      if (this.#resource(ResourceKey.of(name)) === undefined) {
        waits ??= []
        waits.push(this.#load('resources', name))
      }
    return waits === undefined ? this.facts : Promise.all(waits).then(() => this.facts)
  }

  /** The stream named these: forgets them, and does not keep answers under way that were read before. */
  named(changed: Partial<FactsQuestion>, position: number): void {
    for (const kind of kinds)
      for (const id of changed[kind] ?? []) {
        this.#forget(kind, id)
        if (kind === 'resources') for (const one of this.#learning) one.add(id)
        const flight = this.#flights.get(flightName(kind, id))
        if (flight !== undefined) flight.notBefore = Math.max(flight.notBefore, position)
      }
  }

  /**
   * Keeps what a server was just told, unless the stream names it meanwhile: then it may have changed since, and is asked
   * for when it is needed.
   */
  async learning<T extends Told>(tell: () => Promise<T>): Promise<T> {
    const meanwhile = new Set<string>()
    this.#learning.add(meanwhile)
    try {
      const told = await tell()
      if (told.kind !== 'registered') return told
      const { name, organization_id: owner, tags } = told.resource
      this.#forget('resources', name)
      if (!meanwhile.has(name) && !meanwhile.has(everything))
        this.#resources.set(ResourceKey.of(name), compileResource({ owner, tags }))
      return told
    } finally {
      this.#learning.delete(meanwhile)
    }
  }

  /** The stream cannot say what changed: forgets everything. */
  reset(position: number): void {
    this.#roles.clear()
    this.#organizations.clear()
    this.#resources.clear()
    this.#absent.clear()
    for (const one of this.#learning) one.add(everything)
    for (const flight of this.#flights.values()) flight.notBefore = Math.max(flight.notBefore, position)
  }

  /** All that is at hand, for a copy. */
  snapshot(): FactsSnapshot {
    return {
      roles: this.#roles.entries(),
      organizations: this.#organizations.entries(),
      resources: this.#resources
        .entries()
        .slice(-copiedResourcesMax)
        .map(([{ name }, { owner, tagging }]) => [name, { owner, tags: tagging.given }]),
      absent: this.#absent
        .entries()
        .slice(-copiedResourcesMax)
        .map(([{ name }]) => name),
    }
  }

  restore({ roles, organizations, resources = [], absent = [] }: FactsSnapshot): void {
    for (const [name, fact] of resources) this.#resources.set(ResourceKey.of(name), compileResource(fact))
    for (const name of absent) this.#absent.set(ResourceKey.of(name), null)
    for (const [id, role] of roles) this.#roles.set(id, role)
    for (const [id, entitlement] of organizations)
      this.#organizations.set(id, Object.freeze([...entitlement]))
  }

  #load(kind: Kind, id: string): Promise<void> {
    const name = flightName(kind, id)
    const known = this.#flights.get(name)
    if (known !== undefined) return known.done.promise
    const flight: Flight = { kind, id, notBefore: this.#options.position(), done: Promise.withResolvers() }
    this.#flights.set(name, flight)
    // All that is asked for in one turn of the event loop goes into one question.
    if (this.#waiting.push(flight) === 1) setImmediate(() => this.#flush())
    return flight.done.promise
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (let start = 0; start < waiting.length; start += askedMax) {
      const batch = waiting.slice(start, start + askedMax)
      void this.#askUntilCurrent(batch)
    }
  }

  async #askUntilCurrent(batch: readonly Flight[]): Promise<void> {
    let open = batch
    try {
      for (let tries = 1; open.length > 0; tries++) {
        const facts = await this.#options.ask(questionOf(open))
        open = open.filter((flight) => !this.#settle(flight, facts))
        if (open.length > 0 && tries >= triesMax)
          throw new Error('the server asked for facts stays behind its own stream')
        if (open.length > 0) await pause(laggingPauseMs, this.#options.signal)
      }
    } catch (error) {
      for (const flight of open) this.#end(flight).reject(error)
    }
  }

  /** Keeps one answer, if it is as new as all that the stream has named. */
  #settle(flight: Flight, facts: Facts): boolean {
    if (facts.position < flight.notBefore) return false
    const { kind, id } = flight
    this.#keep(kind, id, facts)
    this.#end(flight).resolve()
    return true
  }

  #resource(key: ResourceKey): CompiledResource | null | undefined {
    // No such resource can be registered, so that nobody needs to be asked.
    if (key.isTooLong) return null
    return this.#resources.get(key) ?? this.#absent.get(key)
  }

  #forget(kind: Kind, id: string): void {
    switch (kind) {
      case 'roles':
        this.#roles.delete(id)
        break
      case 'organizations':
        this.#organizations.delete(id)
        break
      case 'resources':
        this.#resources.delete(ResourceKey.of(id))
        this.#absent.delete(ResourceKey.of(id))
        break
      default:
        throw new Error(`unknown kind of fact: ${kind satisfies never}`)
    }
  }

  #keep(kind: Kind, id: string, facts: Facts): void {
    switch (kind) {
      case 'roles':
        this.#keepRole(id, facts.roles[id] ?? null)
        break
      case 'organizations':
        this.#keepOrganization(id, facts.organizations[id] ?? null)
        break
      case 'resources': {
        const fact = facts.resources[id] ?? null
        if (fact === null) this.#absent.set(ResourceKey.of(id), null)
        else this.#resources.set(ResourceKey.of(id), compileResource(fact))
        break
      }
      default:
        throw new Error(`unknown kind of fact: ${kind satisfies never}`)
    }
  }

  #keepRole(id: string, fact: RoleFact | null): void {
    this.#roles.set(id, fact === null ? null : organizationRoleOf(id, fact))
  }

  #keepOrganization(id: string, fact: OrganizationFact | null): void {
    this.#organizations.set(id, Object.freeze([...entitlementOf(fact)]))
  }

  #end(flight: Flight): Flight['done'] {
    this.#flights.delete(flightName(flight.kind, flight.id))
    return flight.done
  }
}

function flightName(kind: Kind, id: string): string {
  return `${kind}:${id}`
}

function questionOf(flights: readonly Flight[]): FactsQuestion {
  const ids = (kind: Kind) => flights.filter((flight) => flight.kind === kind).map(({ id }) => id)
  return { roles: ids('roles'), organizations: ids('organizations'), resources: ids('resources') }
}
