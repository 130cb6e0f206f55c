import type { Fault } from '../errors.ts'
import type { RequestShape, ValueShape } from '../evaluator/model.ts'
import { isReadableJson } from '../evaluator/request/media-type.ts'
import { jsonPointer } from '../json-text.ts'
import { entries, type JsonObject, member } from './json-value.ts'
import { readQuery } from './read-query.ts'
import { type ShapeReader, union } from './read-value-shape.ts'
import { resolved } from './references.ts'

interface ReadRequest {
  /** Absent where neither a query nor a body is declared. */
  readonly request?: RequestShape
  readonly warnings: readonly Fault[]
}

/** What an operation's request may hold beside its path, as far as the document declares it. */
export function readRequest(
  document: JsonObject,
  shapes: ShapeReader,
  levels: readonly { readonly parameters: unknown; readonly place: string }[],
  operation: JsonObject,
  place: string,
): ReadRequest {
  const query = readQuery(document, shapes, levels)
  const body = readBody(document, shapes, operation, place)
  const request: RequestShape = {
    ...(query.rules.size === 0 ? {} : { query: Object.fromEntries(query.rules) }),
    ...body.shape,
  }
  const warnings = [...query.warnings, ...body.warnings]
  return Object.keys(request).length === 0 ? { warnings } : { request, warnings }
}

function readBody(document: JsonObject, shapes: ShapeReader, operation: JsonObject, place: string) {
  const content = entries(member(resolved(document, member(operation, 'requestBody')), 'content'))
  const warnings: Fault[] = []
  const bodies: ValueShape[] = []
  for (const [mediaType, value] of content) {
    if (!isReadableJson(mediaType) && !anyMediaType.has(mediaType)) continue
    const { shape, cut } = shapes.read(member(resolved(document, value), 'schema') ?? {})
    bodies.push(shape)
    if (cut)
      warnings.push({
        pointer: `${place}/requestBody${jsonPointer('content', mediaType)}`,
        detail:
          'the body is too large to be kept whole: names in the rest of it are not checked where fields and conditions are written',
      })
  }
  const hasOther = content.some(([mediaType]) => !isReadableJson(mediaType))
  const shape = {
    ...(bodies.length === 0 ? {} : { body: bodies.reduce(union) }),
    ...(hasOther ? { otherBody: true as const } : {}),
  }
  return { shape, warnings }
}

/** JSON is among what they stand for. */
export const anyMediaType = new Set(['*/*', 'application/*'])
