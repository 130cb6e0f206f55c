import { type Fault, hasCode } from '../errors.ts'
import { compileModel } from '../evaluator/compile-model.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import type { ResponseShapes } from '../evaluator/response/response-shapes.ts'
import { extensionFaults } from './extension-keys.ts'
import { documentRefused } from './fault-list.ts'
import { type JsonObject, member, text } from './json-value.ts'
import { outlineOf } from './outline.ts'
import { parseDocument, type Specification } from './parse-document.ts'
import { readOperations } from './read-operations.ts'
import { readRoles } from './read-roles.ts'
import { readSchemes, readSecurity } from './read-security.ts'
import { audienceFault, readServers } from './read-servers.ts'
import { validateOutline } from './validate-document.ts'

/** More faults than this are counted, not listed. */
const faultsMax = 500
const titleLengthMax = 200

/** What an accepted document says. */
export interface ReadDocument {
  readonly specification: Specification
  readonly title: string
  readonly audience: string
  readonly model: ServiceModel
  readonly responses: ResponseShapes
  readonly warnings: readonly Fault[]
}

export interface ReadOptions {
  /** The API's base URL, where the document's `servers` do not say it or say another. */
  readonly audience?: string
}

/** Reads a document: `readDocument` here, or in a thread of its own. */
export type DocumentReader = (source: Uint8Array | string, options: ReadOptions) => Promise<ReadDocument>

/**
 * Reads an OpenAPI document into what the service needs of it. Follows no reference out of the document.
 * Runs on the caller's thread: a document from outside goes through `documentReader`.
 *
 * @throws {DomainError} `document_refused` with every fault at once; `body_too_large`, `body_too_deep`
 */
export async function readDocument(
  source: Uint8Array | string,
  options: ReadOptions = {},
): Promise<ReadDocument> {
  const { value, specification } = parseDocument(source)
  const { outline, faults } = outlineOf(value, specification)
  const validated = await validateOutline(outline)
  const content = readContent(value, options)
  const all = distinct([...faults, ...validated.faults, ...content.faults])
  if (all.length > 0) throw documentRefused(atMost(all))
  checkDecidable(content.model)
  return {
    specification,
    title: content.title,
    audience: content.audience,
    model: content.model,
    responses: content.responses,
    warnings: atMost(distinct([...validated.warnings, ...content.warnings])),
  }
}

/** What the evaluator would refuse at the first decision is refused now, when there is somebody to mend it. */
function checkDecidable(model: ServiceModel): void {
  try {
    compileModel(model)
  } catch (cause) {
    if (!hasCode(cause, 'document_refused')) throw cause
    throw documentRefused([{ pointer: '/paths', detail: cause.message }], cause)
  }
}

function readContent(document: JsonObject, options: ReadOptions) {
  const schemes = readSchemes(document)
  const operations = readOperations(document, schemes)
  const roles = readRoles(document, schemes, operations)
  const servers = readServers(document)
  const root = extensionFaults(document, 'root', '')
  const rootSecurity = readSecurity(member(document, 'security'), schemes, '/security')
  const audience = audienceOf(options.audience, servers.audience)
  const strict = strictPathsOf(document)
  const model: ServiceModel = {
    basePaths: servers.basePaths,
    ...(strict.value ? { strictPaths: true as const } : {}),
    operations: operations.value,
    roles: roles.roles,
  }
  return {
    title: (text(member(member(document, 'info'), 'title')) ?? '').slice(0, titleLengthMax),
    audience: audience.value,
    model,
    responses: operations.responses,
    faults: [
      ...root,
      ...strict.faults,
      ...servers.faults,
      ...audience.faults,
      ...rootSecurity.faults,
      ...operations.faults,
      ...roles.faults,
    ],
    warnings: operations.warnings,
  }
}

function audienceOf(given: string | undefined, fromServers: string | undefined) {
  const value = given ?? fromServers
  if (value === undefined)
    return {
      value: '',
      faults: [
        {
          pointer: '/servers',
          detail: 'the document names no absolute URL of the API, which tokens need as their audience',
          fix: 'put the URL first under servers, or give the audience with the request',
        },
      ],
    }
  const fault = audienceFault(value, given === undefined ? '/servers' : '?audience')
  return { value, faults: fault === undefined ? [] : [fault] }
}

function strictPathsOf(document: JsonObject) {
  const value = member(document, 'x-latchkey-strict-paths')
  const ok = value === undefined || typeof value === 'boolean'
  const faults = ok ? [] : [{ pointer: '/x-latchkey-strict-paths', detail: 'it is true or false' }]
  return { value: value === true, faults }
}

function distinct(faults: readonly Fault[]): readonly Fault[] {
  return [...new Map(faults.map((fault) => [`${fault.pointer}\n${fault.detail}`, fault])).values()]
}

function atMost(faults: readonly Fault[]): readonly Fault[] {
  if (faults.length <= faultsMax) return faults
  const rest = faults.length - faultsMax
  return [...faults.slice(0, faultsMax), { pointer: '', detail: `and ${rest} more`, fix: 'mend these first' }]
}
