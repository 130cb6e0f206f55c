import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError, type Fault } from '../errors.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { insert, type Records, update } from '../storage/ports.ts'
import { confirmChanges } from './confirm-changes.ts'
import { changesBetween, type DocumentChanges } from './document-changes.ts'
import { getService } from './find-service.ts'
import type { DocumentReader, ReadDocument } from './read-document.ts'
import { type Service, services } from './service.ts'
import { getCurrentDocument, packDocument, serviceDocuments, sha256Of } from './service-document.ts'
import { resourceRulesOf, withResourceRules } from './set-resource-rules.ts'
import { tagWarnings } from './tag-warnings.ts'
import type { RolesNotFitting } from './unfit-roles.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly readDocument: DocumentReader
}

interface AskingDeps extends Deps {
  readonly rolesNotFitting: RolesNotFitting
}

interface Replacement {
  readonly document: Uint8Array
  /** Given, it stays the audience whatever later documents say. */
  readonly audience?: string | undefined
  readonly confirmation?: string | undefined
  readonly ifMatch?: number | undefined
}

interface Replaced {
  readonly service: Service
  readonly changes: DocumentChanges
  readonly warnings: readonly Fault[]
}

/**
 * A service follows a new version of its document. The same document again changes nothing, unless this version of
 * the product reads more out of it than the one that read it before.
 * @throws {DomainError} `document_refused`, `confirmation_required`, `service_not_found`, `service_protected` (the
 *   system service's is part of the product), `precondition_failed`, `conflict`
 */
export async function replaceDocument(
  deps: AskingDeps,
  by: Actor,
  idOrSlug: string,
  replacement: Replacement,
): Promise<Replaced> {
  const before = await getService(deps.records, idOrSlug)
  if (before.kind === 'system')
    throw new DomainError('service_protected', `the document of ${before.slug} comes with the product`)
  return replace(deps, by, before, replacement, {
    confirm: confirmChanges,
    notFitting: deps.rolesNotFitting,
  })
}

/**
 * The system service follows the document of this version of the product, which nobody needs to confirm.
 * @throws {DomainError} `document_refused`, `conflict` if another node was faster
 */
export async function replaceSystemDocument(
  deps: Deps,
  by: Actor,
  service: Service,
  document: Uint8Array,
): Promise<Replaced> {
  const notFitting: RolesNotFitting = async () => ({ roles: [], others: 'none' })
  return replace(deps, by, service, { document }, { confirm: () => {}, notFitting })
}

async function replace(
  deps: Deps,
  by: Actor,
  before: Service,
  replacement: Replacement,
  asking: { readonly confirm: typeof confirmChanges; readonly notFitting: RolesNotFitting },
): Promise<Replaced> {
  expectVersion(before, replacement.ifMatch)
  const kept = before.audienceGiven === true ? before.audience : undefined
  const audience = replacement.audience ?? kept
  const documented = await deps.readDocument(replacement.document, audience === undefined ? {} : { audience })
  const model = withResourceRules(documented.model, resourceRulesOf(before.model))
  const read = { ...documented, model }
  const base = await getCurrentDocument(deps.records, before)
  const sha256 = sha256Of(replacement.document)
  const unfit = await asking.notFitting(before.id, before, read)
  const changes = changesBetween(before, read, unfit)
  asking.confirm({ changes, sha256, baseSha256: base.sha256, confirmation: replacement.confirmation })
  const unchanged =
    sha256 === base.sha256 &&
    before.audience === read.audience &&
    JSON.stringify([before.model, before.responses]) === JSON.stringify([read.model, read.responses])
  const service = unchanged
    ? before
    : await commitNext(deps, by, before, read, replacement.document, replacement.audience !== undefined)
  return { service, changes, warnings: [...read.warnings, ...tagWarnings(model)] }
}

async function commitNext(
  deps: Deps,
  by: Actor,
  before: Service,
  read: ReadDocument,
  bytes: Uint8Array,
  audienceGiven: boolean,
): Promise<Service> {
  const documentVersion = before.documentVersion + 1
  const document = await packDocument(bytes, {
    organizationId: before.organizationId,
    serviceId: before.id,
    documentVersion,
    nowMs: deps.clock(),
  })
  const after: Service = {
    ...before,
    title: read.title,
    audience: read.audience,
    ...(audienceGiven ? { audienceGiven: true } : {}),
    documentVersion,
    model: read.model,
    responses: read.responses,
  }
  const change = update(services, before, after)
  const { organizationId, id } = before
  const details = { document_version: documentVersion, document_sha256: document.sha256 }
  await deps.commit({ type: 'service.document_replaced', organizationId, target: id, by, details }, [
    change,
    insert(serviceDocuments, document),
  ])
  return { ...after, version: before.version + 1 }
}
