import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { OrganizationId, ServiceId } from '../ids.ts'
import type { Collection, Records, Stored } from '../storage/ports.ts'
import type { Service } from './service.ts'

/** A document as it was sent; every accepted version is kept. */
export interface ServiceDocument extends Stored {
  /** `<service id>.<document version>` */
  readonly id: string
  readonly serviceId: ServiceId
  readonly documentVersion: number
  readonly mediaType: DocumentMediaType
  /** Of the bytes as they came, in base64url. */
  readonly sha256: string
  /** gzip, in base64. */
  readonly packed: string
  readonly createdAt: EpochMs
}

type DocumentMediaType = 'application/json' | 'application/yaml'

export const serviceDocuments: Collection<ServiceDocument> = {
  name: 'service_documents',
  schema: z.custom<ServiceDocument>((value) => typeof value === 'object' && value !== null),
  indexes: { service: { keys: (document) => [document.serviceId] } },
  appendOnly: true,
}

/** Stores hold at most 16 MB in one record (MongoDB); beside the text there is little. */
const packedLengthMax = 12_000_000

function documentId(serviceId: ServiceId, documentVersion: number): string {
  return `${serviceId}.${documentVersion}`
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

interface PackOptions {
  readonly organizationId: OrganizationId
  readonly serviceId: ServiceId
  readonly documentVersion: number
  readonly nowMs: EpochMs
}

/** @throws {DomainError} `body_too_large` if it stays too large when packed */
export async function packDocument(bytes: Uint8Array, options: PackOptions): Promise<ServiceDocument> {
  const { organizationId, serviceId, documentVersion, nowMs } = options
  const packed = (await promisify(gzip)(bytes)).toString('base64')
  if (packed.length > packedLengthMax)
    throw new DomainError('body_too_large', 'the document is too large to keep, even packed', {
      fix: 'leave out examples, or split the API into several services',
    })
  return {
    id: documentId(serviceId, documentVersion),
    organizationId,
    version: 1,
    serviceId,
    documentVersion,
    mediaType: mediaTypeOf(bytes),
    sha256: sha256Of(bytes),
    packed,
    createdAt: nowMs,
  }
}

export async function unpackDocument(document: ServiceDocument): Promise<Buffer> {
  return await promisify(gunzip)(Buffer.from(document.packed, 'base64'))
}

/** The document that the service follows now. */
export async function getCurrentDocument(records: Records, service: Service): Promise<ServiceDocument> {
  const id = documentId(service.id, service.documentVersion)
  const found = await records.find(service.organizationId, serviceDocuments, id)
  // A service is committed with its document, and they are removed together.
  if (found === undefined) throw new Error(`the document ${id} of ${service.slug} is not in the store`)
  return found
}

/** What was sent may be labelled wrongly; JSON begins with a brace. */
function mediaTypeOf(bytes: Uint8Array): DocumentMediaType {
  const start = Buffer.from(bytes.subarray(0, 100)).toString('utf8').trimStart()
  return start.startsWith('{') ? 'application/json' : 'application/yaml'
}
