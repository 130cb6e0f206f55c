import type { Actor, Commit } from '../audit/record.ts'
import { DomainError } from '../errors.ts'
import type { Tags } from '../evaluator/model.ts'
import type { OrganizationId } from '../ids.ts'
import { findEntitled } from '../services/find-entitled.ts'
import type { Service } from '../services/service.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { insert, type Records, remove } from '../storage/ports.ts'
import { checkAccessTags } from './check-access-tags.ts'
import { type NamedResource, nameAs, nameOf } from './named-resource.ts'
import { happening, noOrganization } from './register-resources.ts'
import { findResource, type Resource, resources } from './resource.ts'
import { checkSharing } from './resource-tags.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

interface Rehoming extends NamedResource {
  /** The new owner's id. */
  readonly organization: string
  readonly tags?: Tags | undefined
  readonly ifMatch?: number | undefined
}

/**
 * The resource as the API names it.
 * @throws {DomainError} `invalid_request`, `resource_not_found`
 */
export async function getNamedResource(
  records: Records,
  service: Service,
  named: NamedResource,
): Promise<Resource> {
  const found = await findResource(records, service.id, nameOf(service.model, named, undefined))
  if (found === undefined) throw new DomainError('resource_not_found', 'no such resource')
  return found
}

/**
 * Another organization owns it from now on. Its tags were those of the owner before, who may have shared it by them: it
 * has only those that are given now.
 * @throws {DomainError} `resource_not_found`, `invalid_request`, `tag_not_grantable`, `precondition_failed`, `conflict`
 */
export async function rehomeResource(
  deps: Deps,
  by: Actor,
  service: Service,
  { organization, tags = {}, ifMatch, ...named }: Rehoming,
): Promise<Resource> {
  const before = await getNamedResource(deps.records, service, named)
  expectVersion(before, ifMatch)
  const owner = await ownerNamed(deps.records, service, organization)
  checkSharing(service, tags)
  if (owner === before.organizationId) return before
  // Where ids are unique within an organization, it has another name there; what a path itself names stays as it is.
  const name = named.namespace === before.organizationId ? nameAs(service.model, named, owner) : before.name
  checkAccessTags(service, name, tags)
  const after: Resource = { ...before, organizationId: owner, version: 1, name, tags }
  const details = { from: before.organizationId, to: owner }
  await deps.commit(
    [
      happening('resource.rehomed', service, by, before.organizationId, [before], details),
      happening('resource.rehomed', service, by, owner, [after], details),
    ],
    [remove(resources, before), insert(resources, after)],
  )
  return after
}

async function ownerNamed(records: Records, service: Service, text: string): Promise<OrganizationId> {
  const found = await findEntitled(records, service, text)
  if (found === undefined) throw noOrganization()
  return found.organization.id
}

/**
 * The API has it no more.
 * @throws {DomainError} `resource_not_found`, `invalid_request`, `precondition_failed`, `conflict`
 */
export async function removeResource(
  deps: Deps,
  by: Actor,
  service: Service,
  { ifMatch, ...named }: NamedResource & { readonly ifMatch?: number | undefined },
): Promise<void> {
  const before = await getNamedResource(deps.records, service, named)
  expectVersion(before, ifMatch)
  await deps.commit(happening('resource.removed', service, by, before.organizationId, [before]), [
    remove(resources, before),
  ])
}
