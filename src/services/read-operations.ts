import type { Fault } from '../errors.ts'
import { type Method, methods, type Operation } from '../evaluator/model.ts'
import { parameterNames, shapeOf, templateFault } from '../evaluator/path-template.ts'
import type { ResponseShapes } from '../evaluator/response/response-shapes.ts'
import { jsonPointer } from '../json-text.ts'
import { extensionFaults } from './extension-keys.ts'
import { entries, isObject, items, type JsonObject, member, text } from './json-value.ts'
import { namedParameter, readPathParameters } from './read-parameters.ts'
import { readRequest } from './read-request.ts'
import { readCreates, readNamespace, resourceFaults } from './read-resources.ts'
import { responseReader } from './read-responses.ts'
import { readSecurity, type Schemes } from './read-security.ts'
import { readStepUp, stepUpKey } from './read-step-up.ts'
import { type ShapeReader, shapeReader } from './read-value-shape.ts'
import { resolved } from './references.ts'

const operationIdLengthMax = 200
const summaryLengthMax = 300

interface ReadOperations extends Found<readonly Operation[]> {
  readonly responses: ResponseShapes
}

interface Found<T> {
  readonly value: T
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
}

interface Place {
  readonly path: string
  readonly method: Method
  readonly item: JsonObject
  readonly itemPlace: string
  readonly operation: JsonObject
  readonly place: string
}

/** Reads every operation under `paths`. Callbacks and webhooks are calls of the API, not calls to it. */
export function readOperations(document: JsonObject, schemes: Schemes): ReadOperations {
  const paths = entries(member(document, 'paths')).filter(([path]) => !path.startsWith('x-'))
  const faults: Fault[] = [...templateFaults(paths.map(([path]) => path))]
  const warnings: Fault[] = []
  const operations: Operation[] = []
  const placesById = new Map<string, string>()
  const shapes = shapeReader(document)
  const responses = responseReader(document)
  for (const [path, value] of paths) {
    const itemPlace = jsonPointer('paths', path)
    const item = resolved(document, value)
    if (!isObject(item)) continue
    faults.push(...extensionFaults(item, 'path item or operation', itemPlace))
    for (const method of methods) {
      const operation = member(item, method.toLowerCase())
      if (!isObject(operation)) continue
      const place = `${itemPlace}/${method.toLowerCase()}`
      const read = readOperation(document, schemes, shapes, {
        path,
        method,
        item,
        itemPlace,
        operation,
        place,
      })
      note(read)
      responses.read(read.value.id, operation)
      const known = placesById.get(read.value.id)
      if (known !== undefined) faults.push(duplicate(read.value.id, known, place))
      placesById.set(read.value.id, place)
      operations.push(read.value)
    }
  }
  faults.push(...collisions(operations), ...resourceFaults(document, operations))
  const answered = responses.all()
  warnings.push(...answered.warnings)
  return { value: operations, responses: answered.shapes, faults, warnings }

  function note(found: { readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] }): void {
    faults.push(...found.faults)
    warnings.push(...found.warnings)
  }
}

function duplicate(id: string, known: string, place: string): Fault {
  return {
    pointer: `${place}/operationId`,
    detail: `the operationId ${id} is already that of ${known}`,
    fix: 'give each operation an operationId of its own',
  }
}

function templateFaults(paths: readonly string[]): readonly Fault[] {
  return paths.flatMap((path) => {
    const detail = templateFault(path)
    return detail === undefined ? [] : [{ pointer: jsonPointer('paths', path), detail }]
  })
}

/**
 * Templates of one shape are identical and so invalid (OpenAPI 3.1 §4.8.8). Real documents split one by method under
 * two names of its parameters, which is harmless; two operations for one request are not.
 */
function collisions(operations: readonly Operation[]): readonly Fault[] {
  const byShape = new Map<string, Operation>()
  return operations.flatMap((operation) => {
    const { method, path } = operation
    const shape = `${method} ${shapeOf(path)}`
    const same = byShape.get(shape)
    byShape.set(shape, operation)
    if (same === undefined || same.path === path) return []
    return [
      {
        pointer: jsonPointer('paths', path, method.toLowerCase()),
        detail: `${method} ${path} and ${method} ${same.path} match the same requests`,
        fix: 'join them into one operation',
      },
    ]
  })
}

function readOperation(
  document: JsonObject,
  schemes: Schemes,
  shapes: ShapeReader,
  at: Place,
): Found<Operation> {
  const { path, method, operation, place, item, itemPlace } = at
  const id = idOf(at)
  const extensions = extensionFaults(operation, 'path item or operation', place)
  const levels = [
    { parameters: member(item, 'parameters'), place: itemPlace },
    { parameters: member(operation, 'parameters'), place },
  ]
  const parameters = readPathParameters(document, path, levels, place)
  const { request, warnings } = readRequest(document, shapes, levels, operation, place)
  const own = member(operation, 'security') !== undefined
  const security = own
    ? readSecurity(member(operation, 'security'), schemes, `${place}/security`)
    : readSecurity(member(document, 'security'), schemes, '/security')
  const organization = extension(at, 'x-latchkey-organization')
  const resource = extension(at, 'x-latchkey-resource')
  // Which organization it is has a check of its own.
  const resourceParameter =
    resource.name ?? parameterNames(path).findLast((name) => name !== organization.name)
  const namespace = readNamespace(at)
  const creates = readCreates(at)
  const ownStepUp = member(operation, stepUpKey)
  const stepUp =
    ownStepUp === undefined ? readStepUp(member(item, stepUpKey), itemPlace) : readStepUp(ownStepUp, place)
  const summary = text(member(operation, 'summary'))
  return {
    value: {
      id: id.value,
      method,
      path,
      ...(summary === undefined || summary === '' ? {} : { summary: summary.slice(0, summaryLengthMax) }),
      ...(member(operation, 'deprecated') === true ? { deprecated: true as const } : {}),
      ...(security.public ? { public: true as const } : {}),
      parameters: parameters.rules,
      ...(request === undefined ? {} : { request }),
      alternatives: security.alternatives,
      ...(organization.name === undefined ? {} : { organizationParameter: organization.name }),
      ...(stepUp.stepUp === undefined ? {} : { stepUp: stepUp.stepUp }),
      ...(resourceParameter === undefined ? {} : { resourceParameter }),
      ...(namespace.value === undefined ? {} : { namespace: namespace.value }),
      ...(creates.value === undefined ? {} : { creates: creates.value }),
    },
    faults: [
      ...id.faults,
      ...extensions,
      ...parameters.faults,
      // The root's own faults are told once, by the reader of the whole.
      ...(own ? security.faults : []),
      ...stepUp.faults,
      ...namespace.faults,
      ...creates.faults,
      ...[organization.fault, resource.fault].filter((fault) => fault !== undefined),
      ...levels.flatMap((level) => parameterExtensionFaults(document, level.parameters, level.place)),
    ],
    warnings: [...parameters.warnings, ...warnings],
  }
}

function idOf({ operation, method, path, place }: Place): Found<string> {
  const given = member(operation, 'operationId')
  if (typeof given !== 'string' || given === '')
    return { value: `${method} ${path}`, faults: [], warnings: [] }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  const clean = given.length <= operationIdLengthMax && !/[\u0000-\u001f\u007f]/.test(given)
  const detail = `an operationId has no control characters and at most ${operationIdLengthMax} characters`
  return { value: given, faults: clean ? [] : [{ pointer: `${place}/operationId`, detail }], warnings: [] }
}

/** An operation's own extension, else that of its path item. */
function extension(at: Place, key: string): { readonly name?: string; readonly fault?: Fault } {
  const own = member(at.operation, key)
  return own === undefined
    ? namedParameter(member(at.item, key), at.path, key, at.itemPlace)
    : namedParameter(own, at.path, key, at.place)
}

function parameterExtensionFaults(
  document: JsonObject,
  parameters: unknown,
  place: string,
): readonly Fault[] {
  return items(parameters).flatMap((parameter, i) =>
    extensionFaults(resolved(document, parameter), 'parameter', `${place}/parameters/${i}`),
  )
}
