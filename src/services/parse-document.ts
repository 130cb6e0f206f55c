import { DomainError, type Fault } from '../errors.ts'
import { type JsonPath, jsonFlaws, jsonPointer } from '../json-text.ts'
import { documentRefused, wholeRefused } from './fault-list.ts'
import { isObject, type JsonObject, member } from './json-value.ts'
import { parseYaml } from './parse-yaml.ts'

const documentBytesMax = 32 * 1024 * 1024
const documentDepthMax = 512
/** So many members that stand twice are told of; who mends these finds the others by sending it again. */
const duplicatesMax = 100

export type Specification = '3.0' | '3.1'

export interface ParsedDocument {
  readonly specification: Specification
  readonly value: JsonObject
}

/**
 * Reads JSON or YAML into an OpenAPI document of a version that is supported.
 * @throws {DomainError} `document_refused`, `body_too_large`, `body_too_deep`
 */
export function parseDocument(source: Uint8Array | string): ParsedDocument {
  const text = textOf(source)
  if (text.trim() === '') throw wholeRefused('the document is empty', 'send an OpenAPI 3.0 or 3.1 document')
  if (text.includes('\0')) throw wholeRefused('the document contains NUL', 'send text: JSON or YAML')
  const value = looksLikeJson(text) ? fromJson(text) : fromYaml(text)
  if (!isObject(value))
    throw wholeRefused('the document is not an object', 'send an OpenAPI 3.0 or 3.1 document, JSON or YAML')
  return { value, specification: specificationOf(value) }
}

function textOf(source: Uint8Array | string): string {
  const size = typeof source === 'string' ? Buffer.byteLength(source) : source.byteLength
  if (size > documentBytesMax)
    throw new DomainError('body_too_large', `the document is larger than ${documentBytesMax} bytes`)
  if (typeof source === 'string') return source.replace(/^\uFEFF/, '')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(source)
  } catch (cause) {
    throw wholeRefused('the document is not UTF-8', 'send JSON or YAML in UTF-8, without compression', cause)
  }
}

function looksLikeJson(text: string): boolean {
  return /^\s*[{["]/.test(text)
}

function fromJson(text: string): unknown {
  // Depth first: nothing that recurses sees a text that is too deep, whether or not it is JSON.
  const faults: Fault[] = []
  for (const flaw of jsonFlaws(text, documentDepthMax)) {
    if (flaw.kind === 'too_deep') throw tooDeep()
    if (flaw.kind === 'duplicate_member' && faults.length < duplicatesMax) faults.push(duplicate(flaw.path))
  }
  try {
    const value: unknown = JSON.parse(text)
    if (faults.length > 0) throw documentRefused(faults)
    return value
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    return fromFlowYaml(text, cause)
  }
}

/** A text that begins like JSON and is not may still be YAML in flow style; if not, JSON's complaint is the useful one. */
function fromFlowYaml(text: string, json: SyntaxError): unknown {
  const parsed = parseYaml(text, documentDepthMax)
  if (parsed.kind === 'read') return parsed.value
  throw wholeRefused(`not JSON: ${json.message}`, 'send a well-formed JSON or YAML document', json)
}

function fromYaml(text: string): unknown {
  const parsed = parseYaml(text, documentDepthMax)
  switch (parsed.kind) {
    case 'read':
      return parsed.value
    case 'too_deep':
      throw tooDeep()
    case 'refused':
      throw documentRefused(parsed.faults)
    default:
      throw new Error(`unknown outcome: ${parsed satisfies never}`)
  }
}

function tooDeep(): DomainError {
  return new DomainError('body_too_deep', `the document is nested deeper than ${documentDepthMax}`, {
    fix: 'flatten the document',
  })
}

/** `JSON.parse` would quietly keep the last. */
function duplicate(path: JsonPath): Fault {
  return {
    pointer: jsonPointer(...path),
    detail: `the key ${path.at(-1)} stands twice`,
    fix: 'keep one of them',
  }
}

function specificationOf(document: JsonObject): Specification {
  if (member(document, 'swagger') !== undefined)
    throw documentRefused([
      {
        pointer: '/swagger',
        detail: 'Swagger 2.0 is not read',
        fix: 'convert it to OpenAPI 3.0 (swagger2openapi, or "Convert and save" in the Swagger Editor) and send that',
      },
    ])
  const version = member(document, 'openapi')
  if (typeof version === 'string' && /^3\.0\.\d+(-.+)?$/.test(version)) return '3.0'
  if (typeof version === 'string' && /^3\.1\.\d+(-.+)?$/.test(version)) return '3.1'
  const detail =
    version === undefined
      ? 'not an OpenAPI document: openapi is missing'
      : `OpenAPI ${JSON.stringify(version)} is not read`
  throw documentRefused([{ pointer: '/openapi', detail, fix: 'send OpenAPI 3.0 or 3.1 (openapi: 3.1.0)' }])
}
