import type { Fault } from '../errors.ts'
import { jsonPointer } from '../json-text.ts'
import { isObject, type JsonObject, member } from './json-value.ts'
import type { Specification } from './parse-document.ts'
import { referenceFault, referenceOf, resolved } from './references.ts'

/** Where a document may hold references, by kind of object: field → kind, `[kind]` for lists, `{kind}` for maps. */
const grammar = {
  document: { paths: '{pathItem}', webhooks: '{pathItem}', components: 'components' },
  components: {
    schemas: '{schema}',
    responses: '{response}',
    parameters: '{parameter}',
    examples: '{example}',
    requestBodies: '{requestBody}',
    headers: '{header}',
    securitySchemes: '{securityScheme}',
    links: '{link}',
    callbacks: '{callback}',
    pathItems: '{pathItem}',
  },
  pathItem: {
    parameters: '[parameter]',
    get: 'operation',
    put: 'operation',
    post: 'operation',
    delete: 'operation',
    options: 'operation',
    head: 'operation',
    patch: 'operation',
    trace: 'operation',
  },
  operation: {
    parameters: '[parameter]',
    requestBody: 'requestBody',
    responses: '{response}',
    callbacks: '{callback}',
  },
  parameter: { schema: 'schema', content: '{mediaType}', examples: '{example}' },
  header: { schema: 'schema', content: '{mediaType}', examples: '{example}' },
  requestBody: { content: '{mediaType}' },
  response: { headers: '{header}', content: '{mediaType}', links: '{link}' },
  mediaType: { schema: 'schema', examples: '{example}', encoding: '{encoding}' },
  encoding: { headers: '{header}' },
  callback: { '*': 'pathItem' },
  schema: {
    properties: '{schema}',
    patternProperties: '{schema}',
    dependentSchemas: '{schema}',
    $defs: '{schema}',
    definitions: '{schema}',
    items: 'schema',
    additionalProperties: 'schema',
    unevaluatedItems: 'schema',
    unevaluatedProperties: 'schema',
    propertyNames: 'schema',
    contains: 'schema',
    not: 'schema',
    if: 'schema',
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; the table is never awaited
    then: 'schema',
    else: 'schema',
    prefixItems: '[schema]',
    allOf: '[schema]',
    anyOf: '[schema]',
    oneOf: '[schema]',
  },
  example: {},
  link: {},
  securityScheme: {},
} as const satisfies Record<string, Record<string, string>>

type Kind = keyof typeof grammar

/** Fields that hold data, not description: whatever looks like a reference there is none. */
const dataFields = new Set(['example', 'default', 'const', 'value'])

/**
 * The document with each reference replaced by the least that is valid in its place, and without examples: so that a
 * validator, which would follow references, sees each object once, and its work is in proportion to the document's
 * size, circular or multiplying references or not. Each reference is checked here instead.
 */
export function outlineOf(
  document: JsonObject,
  specification: Specification,
): { readonly outline: JsonObject; readonly faults: readonly Fault[] } {
  const faults: Fault[] = []

  function ofPlace(value: unknown, place: string, pointer: string): unknown {
    // Sound: the table's values are kinds, bare or in brackets.
    const kind = place.replace(/[[\]{}]/g, '') as Kind
    if (place.startsWith('[') && Array.isArray(value))
      return value.map((item, i) => ofObject(item, kind, `${pointer}/${i}`))
    if (!place.startsWith('{') || !isObject(value)) return ofObject(value, kind, pointer)
    return fromEntries(value, (key, item) =>
      key.startsWith('x-') ? undefined : ofObject(item, kind, `${pointer}${jsonPointer(key)}`),
    )
  }

  function ofObject(value: unknown, kind: Kind, pointer: string): unknown {
    if (!isObject(value)) return value
    const reference = referenceOf(value)
    if (reference !== undefined) {
      const fault = referenceFault(document, reference, pointer)
      if (fault !== undefined) faults.push(fault)
      if (kind !== 'schema' || specification === '3.0') return standIn(kind, resolved(document, value))
    }
    const places: Readonly<Record<string, string>> = grammar[kind]
    return fromEntries(value, (key, item) => {
      if (key.startsWith('x-') || dataFields.has(key) || (key === '$ref' && kind === 'schema'))
        return undefined
      if (key === 'examples' && kind === 'schema') return undefined
      const place = Object.hasOwn(places, key) ? places[key] : places['*']
      return place === undefined ? item : ofPlace(item, place, `${pointer}${jsonPointer(key)}`)
    })
  }

  const outline = ofObject(document, 'document', '')
  // An object comes back as an object.
  return { outline: isObject(outline) ? outline : {}, faults }
}

function fromEntries(value: JsonObject, make: (key: string, item: unknown) => unknown): JsonObject {
  const made: [string, unknown][] = []
  for (const [key, item] of Object.entries(value)) {
    const one = make(key, item)
    if (one !== undefined) made.push([key, one])
  }
  return Object.fromEntries(made)
}

function standIn(kind: Kind, target: unknown): unknown {
  switch (kind) {
    case 'parameter':
      // Which parameter it is matters to the rules on duplicates and path templates; its schema is seen in its own place.
      return {
        name: member(target, 'name'),
        in: member(target, 'in'),
        ...(member(target, 'in') === 'path' ? { required: true } : {}),
        schema: {},
      }
    case 'response':
      return { description: '' }
    case 'requestBody':
      return { content: {} }
    case 'header':
      return { schema: {} }
    case 'link':
      return { operationId: 'elsewhere' }
    case 'securityScheme':
      return { type: 'http', scheme: 'elsewhere' }
    default:
      return {}
  }
}
