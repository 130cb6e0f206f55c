import { isDeepStrictEqual } from 'node:util'
import type { Actor, Commit } from '../audit/record.ts'
import type { Tags } from '../evaluator/model.ts'
import type { OrganizationId, ResourceId } from '../ids.ts'
import { getService } from '../services/find-service.ts'
import type { Giver } from '../services/giving.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { checkAccessTags } from './check-access-tags.ts'
import { happening } from './register-resources.ts'
import { getResource, type Resource, resources } from './resource.ts'
import { checkSharing, withKeptTags } from './resource-tags.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

/**
 * An organization gives its resource these tags, and no others. Without a condition every tag of a resource must be the
 * caller's too, so that to take one lets people in as to give one does: both are under the one rule for giving.
 * @throws {DomainError} `resource_not_found`, `invalid_request`, `tag_not_grantable`, `precondition_failed`, `conflict`
 */
export async function changeResourceTags(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: ResourceId,
  { tags: wanted, ifMatch }: { readonly tags: Tags; readonly ifMatch?: number | undefined },
): Promise<Resource> {
  const before = await getResource(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  const tags = withKeptTags(wanted, before.tags)
  if (isDeepStrictEqual(tags, before.tags)) return before
  checkGivingTags(giver, tags, before.tags)
  checkGivingTags(giver, before.tags, tags)
  const service = await getService(deps.records, before.serviceId)
  checkSharing(service, tags)
  checkAccessTags(service, before.name, tags, before.tags)
  const details = { from: before.tags, to: tags }
  await deps.commit(happening('resource.tags_changed', service, by, organizationId, [before], details), [
    update(resources, before, { ...before, tags }),
  ])
  return { ...before, tags, version: before.version + 1 }
}
