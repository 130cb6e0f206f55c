import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { NewId } from '../ids.ts'
import { revoke } from '../revocations/revocation.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, remove } from '../storage/ports.ts'
import { entitlements } from './entitlement.ts'
import { getService } from './find-service.ts'
import { type Service, services } from './service.ts'
import type { ServiceContents } from './service-contents.ts'
import { serviceDocuments } from './service-document.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  /** What later rows keep of a service. */
  readonly serviceContents: readonly ServiceContents[]
}

interface Deletion {
  /** The slug, typed again: the caller has seen what goes with it. */
  readonly confirm?: string | undefined
  readonly ifMatch?: number | undefined
}

const pageSize = 100
const countMax = 1_000

/**
 * Deletes a service. Its issuer is gone and its keys and tokens end with the commit; what belongs to it is tidied
 * afterwards, and without the service it is of no effect.
 * @throws {DomainError} `confirmation_required` (its data says what goes), `service_not_found`, `service_protected`,
 *   `precondition_failed`, `conflict`
 */
export async function deleteService(
  deps: Deps,
  by: Actor,
  idOrSlug: string,
  { confirm, ifMatch }: Deletion,
): Promise<void> {
  const service = await getService(deps.records, idOrSlug)
  if (service.kind === 'system')
    throw new DomainError('service_protected', `${service.slug} is the deployment's own`)
  expectVersion(service, ifMatch)
  if (confirm !== service.slug)
    throw new DomainError('confirmation_required', `deleting ${service.slug} cannot be undone`, {
      fix: `repeat the request with confirm=${service.slug}`,
      data: { goes_with_it: await whatGoes(deps, service), confirm: service.slug },
    })
  const nowMs = deps.clock()
  const { organizationId, id: serviceId, slug } = service
  const ended = service.signingKeys.map(({ id }) =>
    revoke(deps.newId, nowMs, { organizationId, serviceId, ended: { kind: 'signing_key', kid: id } }),
  )
  await deps.commit({ type: 'service.deleted', organizationId, target: serviceId, by, details: { slug } }, [
    remove(services, service),
    ...ended,
  ])
  await tidyEntitlements(deps, by, service)
  await tidyDocuments(deps, by, service)
  for (const contents of deps.serviceContents) await contents.tidy(by, service)
}

async function whatGoes(deps: Deps, service: Service) {
  const granted = await deps.records.locate(entitlements, 'service', service.id, { limit: countMax })
  const own = [
    { what: 'signing keys', count: service.signingKeys.length },
    { what: 'versions of the document', count: service.documentVersion },
    { what: 'entitlements', count: granted.length },
  ]
  const later = deps.serviceContents.map(async (contents) => ({
    what: contents.what,
    count: await contents.count(service, countMax),
  }))
  return [...own, ...(await Promise.all(later))].map(({ what, count }) => ({
    what,
    count,
    ...(count >= countMax ? { or_more: true } : {}),
  }))
}

async function tidyEntitlements({ records, commit }: Deps, by: Actor, service: Service): Promise<void> {
  for (;;) {
    const page = await records.locate(entitlements, 'service', service.id, { limit: pageSize })
    if (page.length === 0) return
    for (const { organizationId, id } of page) {
      const entitlement = await records.find(organizationId, entitlements, id)
      if (entitlement === undefined) continue
      const details = { before: entitlement.roles, after: null, because: 'service deleted' }
      await commit({ type: 'entitlement.changed', organizationId, target: service.id, by, details }, [
        remove(entitlements, entitlement),
      ])
    }
  }
}

async function tidyDocuments({ records, commit }: Deps, by: Actor, service: Service): Promise<void> {
  const { organizationId, id } = service
  for (;;) {
    // One at a time: each may be megabytes.
    const [document] = await records.list(organizationId, serviceDocuments, 'service', id, { limit: 1 })
    if (document === undefined) return
    const details = { document_version: document.documentVersion }
    await commit({ type: 'service.document_removed', organizationId, target: id, by, details }, [
      remove(serviceDocuments, document),
    ])
  }
}
