import type { Fault } from '../errors.ts'
import { isReadableJson } from '../evaluator/request/media-type.ts'
import type { ObjectPlaces, ResponseShapes } from '../evaluator/response/response-shapes.ts'
import { entries, type JsonObject, member } from './json-value.ts'
import { anyMediaType } from './read-request.ts'
import { responseObjects } from './read-response-objects.ts'
import { resolved } from './references.ts'

/** Reads what the responses of operations are, one after the other. */
export interface ResponseReader {
  read(operationId: string, operation: JsonObject): void
  all(): { readonly shapes: ResponseShapes; readonly warnings: readonly Fault[] }
}

const success = /^2(\d\d|XX)$/i

/**
 * What an operation answers is known where a success of it is described as JSON. What else it answers is counted in by the
 * members that are named: a filter is put over errors, too, and may show their words.
 */
export function responseReader(document: JsonObject): ResponseReader {
  const objects = responseObjects(document)
  const operations: [string, ObjectPlaces][] = []
  return {
    read(operationId, operation) {
      const responses = entries(member(operation, 'responses'))
      const jsonOf = (isWanted: (status: string) => boolean) =>
        responses.flatMap(([status, response]) => (isWanted(status) ? jsonSchemas(document, response) : []))
      const whole = jsonOf((status) => success.test(status)).map((schema) => objects.read(schema))
      if (whole.length === 0 || whole.includes('any')) return
      const others = jsonOf((status) => !success.test(status)).map((schema) => objects.readNamed(schema))
      const places = [...whole, ...others].flatMap((one) => (one === 'any' ? [] : one))
      operations.push([operationId, [...new Set(places)]])
    },
    all() {
      const detail =
        'what the responses hold is too much to be kept whole: names in the rest of it are not checked where filters are written'
      const shapes = { objects: objects.all(), operations: Object.fromEntries(operations) }
      return { shapes, warnings: objects.isCut() ? [{ pointer: '/paths', detail }] : [] }
    },
  }
}

function jsonSchemas(document: JsonObject, response: unknown): readonly unknown[] {
  return entries(member(resolved(document, response), 'content'))
    .filter(([mediaType]) => isReadableJson(mediaType) || anyMediaType.has(mediaType))
    .map(([, value]) => member(resolved(document, value), 'schema'))
}
