import type { Actor, Commit, Happening } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { Tags } from '../evaluator/model.ts'
import type { ResourceName } from '../evaluator/resource-key.ts'
import { type NewId, type OrganizationId, parseId } from '../ids.ts'
import { findEntitled } from '../services/find-entitled.ts'
import type { Service } from '../services/service.ts'
import { insert, type Records } from '../storage/ports.ts'
import { checkAccessTags } from './check-access-tags.ts'
import { type NamedResource, nameOf } from './named-resource.ts'
import { nameKey, type Resource, resources } from './resource.ts'
import { checkSharing } from './resource-tags.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

export interface WantedResource extends NamedResource {
  /** Its owner's id. */
  readonly organization: string
  readonly tags?: Tags | undefined
}

export type Registration =
  | { readonly kind: 'registered'; readonly resource: Resource }
  /** It was there already, with this owner; its tags stay as they are. */
  | { readonly kind: 'unchanged'; readonly name: ResourceName; readonly organizationId: OrganizationId }
  | { readonly kind: 'refused'; readonly error: DomainError }

/** So many are registered in one commit. */
export const registeredAtOnceMax = 1_000
const triesMax = 3
const namesShownMax = 20

/**
 * Registers what the API knows of, in one commit. Each is answered by itself, in the order given: what is refused does
 * not keep the others out.
 */
export async function registerResources(
  deps: Deps,
  by: Actor,
  service: Service,
  wanted: readonly WantedResource[],
): Promise<readonly Registration[]> {
  const owners = await possibleOwners(deps.records, service, wanted)
  const read = wanted.map((one) => readWanted(service, owners, one))
  for (let tries = 1; ; tries++) {
    const registrations = await decided(deps, by, service, read)
    const made = registrations.flatMap((one) => (one.kind === 'registered' ? [one.resource] : []))
    if (made.length === 0) return registrations
    try {
      await deps.commit(
        happenings(service, by, made),
        made.map((resource) => insert(resources, resource)),
      )
      return registrations
    } catch (cause) {
      // Another call registered one of them meanwhile.
      if (!hasCode(cause, 'already_exists') || tries === triesMax) throw cause
    }
  }
}

interface Read {
  readonly name: ResourceName
  readonly owner: OrganizationId
  readonly tags: Tags
}

/** Those named that may use something of the service: an API writes into no organization that it has nothing to do with. */
async function possibleOwners(
  records: Records,
  service: Service,
  wanted: readonly WantedResource[],
): Promise<ReadonlySet<OrganizationId>> {
  const named = new Set(wanted.map(({ organization }) => organization))
  const found = await Promise.all([...named].map((text) => findEntitled(records, service, text)))
  return new Set(found.flatMap((entitled) => entitled?.organization.id ?? []))
}

function readWanted(
  service: Service,
  owners: ReadonlySet<OrganizationId>,
  { organization, tags = {}, ...named }: WantedResource,
): Read | DomainError {
  const owner = parseId('org', organization)
  if (owner === undefined || !owners.has(owner)) return noOrganization()
  try {
    checkSharing(service, tags)
    const name = nameOf(service.model, named, owner)
    checkAccessTags(service, name, tags)
    return { name, owner, tags }
  } catch (cause) {
    if (cause instanceof DomainError) return cause
    throw cause
  }
}

export function noOrganization(): DomainError {
  const detail = 'names no organization that may use the service'
  return new DomainError('invalid_request', `organization ${detail}`, {
    faults: [{ pointer: '/organization', detail, fix: 'give its id (org_…)' }],
  })
}

async function decided(
  deps: Deps,
  by: Actor,
  service: Service,
  read: readonly (Read | DomainError)[],
): Promise<readonly Registration[]> {
  const nowMs = deps.clock()
  const places = await Promise.all(
    read.map((one) =>
      one instanceof DomainError
        ? []
        : deps.records.locate(resources, 'name', nameKey(service.id, one.name), { limit: 1 }),
    ),
  )
  const owners = new Map<ResourceName, OrganizationId>()
  return read.map((one, i): Registration => {
    if (one instanceof DomainError) return { kind: 'refused', error: one }
    const { name, owner, tags } = one
    const owned = places[i]?.[0]?.organizationId ?? owners.get(name)
    if (owned === owner) return { kind: 'unchanged', name, organizationId: owner }
    if (owned !== undefined) return { kind: 'refused', error: anothers() }
    owners.set(name, owner)
    return {
      kind: 'registered',
      resource: newResource(deps.newId, nowMs, service, by, { name, owner, tags }),
    }
  })
}

function newResource(
  newId: NewId,
  nowMs: EpochMs,
  { id: serviceId }: Service,
  by: Actor,
  { name, owner, tags }: Read,
): Resource {
  const common = { id: newId('res'), organizationId: owner, version: 1 }
  return { ...common, serviceId, name, tags, registeredBy: by.id, createdAt: nowMs }
}

function anothers(): DomainError {
  const detail = 'is registered as another organization’s'
  const fix = 're-home it if its owner has changed'
  return new DomainError('already_exists', `the resource ${detail}`, {
    fix,
    faults: [{ pointer: '/path', detail, fix }],
  })
}

/** One event an owner: of a single resource by its id, of several by their number and the first names. */
function happenings(
  service: Service,
  by: Actor,
  made: readonly Resource[],
): readonly [Happening, ...Happening[]] {
  const byOwner = Map.groupBy(made, ({ organizationId }) => organizationId)
  const [first, ...others] = [...byOwner].map(([organizationId, own]) =>
    happening('resource.registered', service, by, organizationId, own),
  )
  if (first === undefined) throw new Error('nothing was registered')
  return [first, ...others]
}

export function happening(
  type: Extract<Happening['type'], `resource.${string}`>,
  service: Pick<Service, 'id' | 'slug'>,
  by: Actor,
  organizationId: OrganizationId,
  changed: readonly Resource[],
  more: Readonly<Record<string, unknown>> = {},
): Happening {
  const [only, ...others] = changed
  const target = only !== undefined && others.length === 0 ? only.id : service.id
  const names = changed.slice(0, namesShownMax).map(({ name }) => name)
  const details = { service: service.slug, count: changed.length, names, ...more }
  return { type, organizationId, target, by, details }
}
