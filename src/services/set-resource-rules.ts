import type { Actor, Commit } from '../audit/record.ts'
import { DomainError, type Fault } from '../errors.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import type { OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { confirmChanges } from './confirm-changes.ts'
import { changesBetween, type DocumentChanges } from './document-changes.ts'
import { getService } from './find-service.ts'
import { type Service, services } from './service.ts'
import { getCurrentDocument } from './service-document.ts'
import { tagWarnings } from './tag-warnings.ts'
import type { RolesNotFitting } from './unfit-roles.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly rolesNotFitting: RolesNotFitting
}

/** What the owner of a service says once of its resources; what is absent stays. */
export interface ResourceRules {
  /** Who knows them: the API itself, or Latchkey, which then refuses what is not registered. */
  readonly resources?: 'api' | 'latchkey' | undefined
  /** Whether an organization may share what is its own with anyone. */
  readonly sharedWithAnyone?: boolean | undefined
}

interface StatedRules {
  readonly resources: 'api' | 'latchkey'
  readonly sharedWithAnyone: boolean
}

/** As a new version of a document is answered. */
interface RulesSet {
  readonly service: Service
  readonly changes: DocumentChanges
  /** Of the service's own roles, what can no longer hold. */
  readonly warnings: readonly Fault[]
}

/** The model with these rules: the document says nothing of them, so that a new version of it keeps them. */
export function withResourceRules(model: ServiceModel, rules: StatedRules): ServiceModel {
  const { resources: _resources, sharedWithAnyone: _shared, ...documented } = model
  return {
    ...documented,
    ...(rules.resources === 'latchkey' ? { resources: rules.resources } : {}),
    ...(rules.sharedWithAnyone === true ? { sharedWithAnyone: true as const } : {}),
  }
}

/** What is said of a service's resources, the defaults included. */
export function resourceRulesOf({ resources, sharedWithAnyone }: ServiceModel): StatedRules {
  return { resources: resources ?? 'api', sharedWithAnyone: sharedWithAnyone === true }
}

/**
 * The owner of a service says who knows its resources. That Latchkey no longer does ends every check of ownership, and no
 * condition on their tags holds from then on, so that it needs a confirmation.
 * @throws {DomainError} `service_not_found` for a service that is another organization's, too; `service_protected`,
 * `confirmation_required`, `precondition_failed`, `conflict`
 */
export async function setResourceRules(
  deps: Deps,
  by: Actor,
  owner: OrganizationId,
  idOrSlug: string,
  change: ResourceRules & {
    readonly confirmation?: string | undefined
    readonly ifMatch?: number | undefined
  },
): Promise<RulesSet> {
  const before = await getService(deps.records, idOrSlug)
  if (before.organizationId !== owner)
    throw new DomainError('service_not_found', `no service ${idOrSlug} of this organization`)
  if (before.kind === 'system')
    throw new DomainError('service_protected', `${before.slug} knows its own resources`)
  expectVersion(before, change.ifMatch)
  const from = resourceRulesOf(before.model)
  const to = {
    resources: change.resources ?? from.resources,
    sharedWithAnyone: change.sharedWithAnyone ?? from.sharedWithAnyone,
  }
  if (to.resources === from.resources && to.sharedWithAnyone === from.sharedWithAnyone)
    return { service: before, changes: changesBetween(before, before), warnings: tagWarnings(before.model) }
  const after = { ...before, model: withResourceRules(before.model, to) }
  const { sha256 } = await getCurrentDocument(deps.records, before)
  const { confirmation } = change
  const changes = changesBetween(before, after, await deps.rolesNotFitting(before.id, before, after))
  confirmChanges({ changes, sha256, baseSha256: sha256, confirmation })
  const details = { resource_rules: { before: shown(from), after: shown(to) } }
  await deps.commit({ type: 'service.changed', organizationId: owner, target: before.id, by, details }, [
    update(services, before, after),
  ])
  const service = { ...after, version: before.version + 1 }
  return { service, changes, warnings: tagWarnings(after.model) }
}

function shown({ resources, sharedWithAnyone }: StatedRules) {
  return { resources, shared_with_anyone: sharedWithAnyone }
}
