import type { Actor, Commit, Happening } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import { accessTokenTtlSecondsMax } from '../revocations/revocation.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type Change, insert, type Records } from '../storage/ports.ts'
import { confirmChanges } from './confirm-changes.ts'
import { changesBetween } from './document-changes.ts'
import { findService } from './find-service.ts'
import type { DocumentReader, ReadDocument } from './read-document.ts'
import { type Service, type SigningAlgorithm, services } from './service.ts'
import { packDocument, serviceDocuments, sha256Of } from './service-document.ts'
import { newSigningKey } from './signing-key.ts'
import { checkSlug } from './slug.ts'

const accessTokenTtlSecondsMin = 60
const accessTokenTtlSecondsDefault = 900

interface MakeDeps {
  readonly clock: Clock
  readonly newId: NewId
  readonly secrets: Secrets
  readonly readDocument: DocumentReader
}

interface Deps extends MakeDeps {
  readonly records: Records
  readonly commit: Commit
  /** First path segments that the server serves itself. */
  readonly reservedSlugs: ReadonlySet<string>
}

interface NewService {
  /** The owner. */
  readonly organizationId: OrganizationId
  readonly slug: string
  readonly document: Uint8Array
  readonly audience?: string | undefined
  readonly signingAlgorithm?: SigningAlgorithm | undefined
  readonly accessTokenTtlSeconds?: number | undefined
}

interface MadeService {
  readonly service: Service
  readonly read: ReadDocument
  readonly happening: Omit<Happening, 'by'>
  readonly changes: readonly Change[]
}

/** Everything that makes a service, ready to be committed: with others, as on first start, or alone. */
export async function makeService(
  deps: MakeDeps,
  kind: Service['kind'],
  wanted: NewService,
): Promise<MadeService> {
  const { organizationId, slug, audience, signingAlgorithm = 'ES256' } = wanted
  const accessTokenTtlSeconds = checkAccessTokenTtl(
    wanted.accessTokenTtlSeconds ?? accessTokenTtlSecondsDefault,
  )
  const read = await deps.readDocument(wanted.document, audience === undefined ? {} : { audience })
  const nowMs = deps.clock()
  const id = deps.newId('svc')
  const document = await packDocument(wanted.document, {
    organizationId,
    serviceId: id,
    documentVersion: 1,
    nowMs,
  })
  const service: Service = {
    id,
    organizationId,
    version: 1,
    slug,
    kind,
    title: read.title,
    audience: read.audience,
    ...(audience === undefined ? {} : { audienceGiven: true as const }),
    accessTokenTtlSeconds,
    signingAlgorithm,
    signingKeys: [await newSigningKey(deps, signingAlgorithm, { kind: 'active' }, nowMs)],
    documentVersion: 1,
    model: read.model,
    responses: read.responses,
    createdAt: nowMs,
  }
  const details = { slug, title: read.title, audience: read.audience, document_sha256: document.sha256 }
  return {
    service,
    read,
    happening: { type: 'service.created', organizationId, target: id, details },
    changes: [insert(services, service), insert(serviceDocuments, document)],
  }
}

/**
 * A company's API appears: its document is the permission model; its signing key is made with it.
 * @throws {DomainError} `document_refused`, `confirmation_required`, `slug_reserved`, `already_exists` (the slug),
 *   `organization_not_found`, `invalid_request`
 */
export async function createService(
  deps: Deps,
  by: Actor,
  wanted: NewService & { readonly confirmation?: string | undefined },
): Promise<MadeService> {
  checkSlug(wanted.slug, deps.reservedSlugs)
  await getOrganization(deps.records, wanted.organizationId)
  // The unique index decides; this only says so before a person looks through the changes.
  if ((await findService(deps.records, wanted.slug)) !== undefined)
    throw new DomainError('already_exists', `there is a service ${wanted.slug}`, { data: { index: 'slug' } })
  const made = await makeService(deps, 'api', wanted)
  confirmChanges({
    changes: changesBetween(undefined, made.read),
    // Of everything that was looked at: confirmed for one owner or audience, it is not for another.
    sha256: [sha256Of(wanted.document), wanted.slug, wanted.organizationId, made.service.audience].join(' '),
    confirmation: wanted.confirmation,
  })
  await deps.commit({ ...made.happening, by }, made.changes)
  return made
}

/** @throws {DomainError} `invalid_request` */
export function checkAccessTokenTtl(seconds: number, pointer = '?access_token_ttl_seconds'): number {
  if (Number.isInteger(seconds) && seconds >= accessTokenTtlSecondsMin && seconds <= accessTokenTtlSecondsMax)
    return seconds
  const detail = `an access token lives ${accessTokenTtlSecondsMin} to ${accessTokenTtlSecondsMax} seconds`
  throw new DomainError('invalid_request', detail, {
    faults: [{ pointer, detail }],
  })
}
