import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { DomainError, type Fault } from '../errors.ts'
import { type JsonFlaw, type JsonPath, jsonFlaws } from '../json-text.ts'
import { collectBody, tooLarge } from './collect-body.ts'
import { HttpRefusal } from './refusal.ts'
import { shownPointer } from './shown-pointer.ts'

/** What a body may cost. */
export interface BodyLimits {
  readonly jsonBytesMax: number
  readonly jsonDepthMax: number
  /** Of a document, packed and unpacked alike. */
  readonly documentBytesMax: number
  readonly timeoutMs: number
}

export const defaultBodyLimits: BodyLimits = {
  jsonBytesMax: 1_048_576,
  jsonDepthMax: 64,
  documentBytesMax: 32 * 1_048_576,
  timeoutMs: 20_000,
}

export const documentTypes: readonly string[] = [
  'application/json',
  'application/yaml',
  'application/x-yaml',
  'text/yaml',
  'text/x-yaml',
  'application/openapi+json',
  'application/openapi+yaml',
  'application/vnd.oai.openapi',
  'application/vnd.oai.openapi+json',
]

/** Whether the request announces a body at all (RFC 9112 §6.3). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0)
}

/**
 * A JSON body, parsed and free of what `JSON.parse` lets through; `undefined` if there is none.
 * @throws {DomainError} `unsupported_media_type`, `body_too_large`, `body_too_deep`, `body_not_json`, `invalid_request`,
 * `request_timeout`
 */
export async function readJson(request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  if (!hasBody(request)) return undefined
  expectType(request, ['application/json'])
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') throw refusedEncoding('identity')
  const text = utf8(await collectBody(request, limits.jsonBytesMax, limits.timeoutMs))
  if (text.trim() === '') return undefined
  const [flaw] = jsonFlaws(text, limits.jsonDepthMax)
  if (flaw !== undefined) throw flawed(flaw, limits.jsonDepthMax)
  const value = parsed(text)
  const faults: Fault[] = []
  gatherBadText(value, [], faults)
  if (faults.length > 0) {
    throw new DomainError('invalid_request', 'The body has text that cannot be kept.', { faults })
  }
  return value
}

/**
 * A document as text, JSON or YAML, gzipped or not. Its form is the document reader's to judge; only size, encoding and
 * type are checked here.
 * @throws {DomainError} as `readJson`
 */
export async function readDocumentText(request: IncomingMessage, limits: BodyLimits): Promise<string> {
  expectType(request, documentTypes)
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity' && encoding !== 'gzip') throw refusedEncoding('gzip')
  const bytes = await collectBody(request, limits.documentBytesMax, limits.timeoutMs)
  return utf8(encoding === 'gzip' ? await unpacked(bytes, limits.documentBytesMax) : bytes)
}

function expectType(request: IncomingMessage, accepted: readonly string[]): void {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith('charset='))
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset)
  if (accepted.includes(type.trim()) && isUtf8) return
  const list = accepted.join(', ')
  throw new HttpRefusal(
    'unsupported_media_type',
    'The Content-Type of the body is not one that is read here.',
    {
      fix: `Send it in UTF-8 with Content-Type: ${accepted.length === 1 ? list : `one of ${list}`}.`,
      headers: { Accept: list },
    },
  )
}

function refusedEncoding(accepted: string): HttpRefusal {
  return new HttpRefusal(
    'unsupported_media_type',
    'The Content-Encoding of the body is not one that is read here.',
    {
      fix: accepted === 'gzip' ? 'Send it plain or with gzip.' : 'Send it plain.',
      headers: { 'Accept-Encoding': accepted },
    },
  )
}

const unzip = promisify(gunzip)

async function unpacked(bytes: Buffer, bytesMax: number): Promise<Buffer> {
  try {
    // Stops as soon as the output is larger: a small body that unpacks to gigabytes costs no more than a large one.
    return await unzip(bytes, { maxOutputLength: bytesMax })
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(bytesMax)
    throw notGzip(cause)
  }
}

function notGzip(cause: unknown): DomainError {
  return new DomainError('invalid_request', 'The body is not gzip, though its Content-Encoding says so.', {
    cause,
  })
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw notUtf8(cause)
  }
}

function notUtf8(cause: unknown): DomainError {
  return new DomainError('body_not_json', 'The body is not UTF-8.', { fix: 'Send it in UTF-8.', cause })
}

function flawed(flaw: JsonFlaw, depthMax: number): DomainError {
  switch (flaw.kind) {
    case 'too_deep':
      return new DomainError('body_too_deep', `The body is nested deeper than ${depthMax} levels.`, {
        fix: 'Send a flatter body.',
      })
    case 'duplicate_member':
      return refusedMember(flaw.path, 'this member is there twice')
    case 'prototype_member':
      return refusedMember(flaw.path, 'no body here has a member of this name')
    default:
      throw new Error(`unknown flaw: ${flaw satisfies never}`)
  }
}

function refusedMember(path: JsonPath, detail: string): DomainError {
  return new DomainError('invalid_request', 'The body has a member that cannot be read safely.', {
    faults: [{ pointer: shownPointer(path), detail, fix: 'Take it out.' }],
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw notJson(cause)
  }
}

/** The engine's own words quote the body, which may hold a secret; only the place is told. */
function notJson(cause: unknown): DomainError {
  const said = cause instanceof Error ? cause.message : ''
  const place = /position (\d+)/.exec(said)?.[1]
  const at = place === undefined ? '' : ` at character ${place}`
  const where = said.includes('Unexpected end') ? 'it breaks off' : `something else stands in it${at}`
  return new DomainError('body_not_json', `The body is not JSON: ${where}.`, {
    fix: 'Send one JSON value (RFC 8259).',
    cause,
  })
}

/** NUL ends text early in many a store and log; half a surrogate pair has no UTF-8. The depth is bounded already. */
function gatherBadText(value: unknown, path: readonly PropertyKey[], faults: Fault[]): void {
  if (faults.length >= 20) return
  if (typeof value === 'string') {
    const detail = badText(value)
    if (detail !== undefined) faults.push({ pointer: shownPointer(path), detail })
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      const detail = badText(name)
      if (detail !== undefined)
        faults.push({ pointer: shownPointer(path), detail: `the name of a member: ${detail}` })
      gatherBadText(member, [...path, name], faults)
    }
  }
}

/** Why text cannot be kept as it is, if so. */
export function badText(text: string): string | undefined {
  if (text.includes('\0')) return 'has a NUL character'
  return text.isWellFormed() ? undefined : 'has half a surrogate pair'
}
