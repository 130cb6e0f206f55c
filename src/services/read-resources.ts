import type { Fault } from '../errors.ts'
import type { CreatedResource, Operation, ResourceNamespace } from '../evaluator/model.ts'
import { didYouMean } from '../evaluator/nearest.ts'
import { parameterNames, shapeOf, templateFault } from '../evaluator/path-template.ts'
import { type ResourceTemplate, resourcePaths } from '../evaluator/resource-path.ts'
import { jsonPointer } from '../json-text.ts'
import { entries, isObject, type JsonObject, member, text } from './json-value.ts'
import { resolved } from './references.ts'

export const namespaceKey = 'x-latchkey-namespace'
export const createsKey = 'x-latchkey-creates'

/** An operation and its path item, where they stand. */
interface Place {
  readonly path: string
  readonly item: JsonObject
  readonly itemPlace: string
  readonly operation: JsonObject
  readonly place: string
}

interface Read<T> {
  readonly value?: T
  readonly faults: readonly Fault[]
}

/** An operation's own extension, else that of its path item. */
function extension(at: Place, key: string): { readonly given: unknown; readonly pointer: string } {
  const own = member(at.operation, key)
  return own === undefined
    ? { given: member(at.item, key), pointer: `${at.itemPlace}${jsonPointer(key)}` }
    : { given: own, pointer: `${at.place}${jsonPointer(key)}` }
}

/** `x-latchkey-namespace`: a parameter of the path, or `organization`. A header could be sent by anybody. */
export function readNamespace(at: Place): Read<ResourceNamespace> {
  const { given, pointer } = extension(at, namespaceKey)
  if (given === undefined) return { faults: [] }
  const names = parameterNames(at.path)
  const name = text(given)
  if (name !== undefined && names.includes(name)) return { value: { parameter: name }, faults: [] }
  if (name === 'organization') return { value: 'organization', faults: [] }
  const meant = didYouMean(name ?? '', [...names, 'organization'])
  const fix = meant ?? `name one of ${['organization', ...names].join(', ')}`
  return {
    faults: [{ pointer, detail: `${namespaceKey} names no parameter of the path ${at.path}`, fix }],
  }
}

const createsForm = 'write { resource: /clusters/{clusterId}, id: /id }: a path and a JSON pointer'

/** `x-latchkey-creates`: the path template of what the operation makes, and where in its answer the id is. */
export function readCreates(at: Place): Read<CreatedResource> {
  const { given, pointer } = extension(at, createsKey)
  if (given === undefined) return { faults: [] }
  const resource = text(member(given, 'resource'))
  const id = text(member(given, 'id'))
  const strange = entries(given).filter(([key]) => key !== 'resource' && key !== 'id')
  if (resource === undefined || id === undefined || strange.length > 0)
    return { faults: [{ pointer, detail: `${createsKey} is not of its form`, fix: createsForm }] }
  const faults: Fault[] = []
  const wrong = templateFault(resource)
  if (wrong !== undefined) faults.push({ pointer: `${pointer}/resource`, detail: wrong, fix: createsForm })
  // RFC 6901 §3.
  if (!/^(?:\/(?:[^~/]|~[01])*)+$/.test(id))
    faults.push({ pointer: `${pointer}/id`, detail: 'this is no JSON pointer to a value', fix: createsForm })
  return { ...(faults.length > 0 ? {} : { value: { resource, id } }), faults }
}

/** What can only be seen with all operations at hand. */
export function resourceFaults(document: JsonObject, operations: readonly Operation[]): readonly Fault[] {
  // What their paths say that is wrong is told by others.
  const sound = operations.filter(({ path }) => templateFault(path) === undefined)
  const { templates, ofOperations } = resourcePaths(sound)
  return sound.flatMap((operation, index) => {
    const own = ofOperations[index]?.ends[0].template
    return [...namespaceFaults(operation, own, templates), ...createsFaults(document, operation, templates)]
  })
}

function placeOf({ path, method }: Operation): string {
  return jsonPointer('paths', path, method.toLowerCase())
}

/** One kind of resource has one namespace, which every operation on it can tell. */
function namespaceFaults(
  operation: Operation,
  own: ResourceTemplate | undefined,
  templates: ReadonlyMap<string, ResourceTemplate>,
): readonly Fault[] {
  const shape = ownShape(operation)
  const template = shape === undefined ? undefined : templates.get(shape)
  const namespace = template?.namespace
  if (shape === undefined || template === undefined || namespace === undefined) return []
  const shown = namespace === 'organization' ? namespace : `{${namespace.parameter}}`
  const pointer = placeOf(operation)
  const said = JSON.stringify(operation.namespace ?? namespace)
  if (said !== JSON.stringify(namespace))
    return [
      {
        pointer: pointer + jsonPointer(namespaceKey),
        detail: `another operation says that the namespace of ${template.path} is ${shown}`,
        fix: 'give one kind of resource one namespace',
      },
    ]
  if (own?.shape === shape) return []
  return [
    {
      pointer,
      detail: `the namespace of ${template.path} is ${shown}, which this path does not have`,
      fix: `name another resource with x-latchkey-resource, or put ${shown} into the path`,
    },
  ]
}

/** The shape of the resource that an operation acts on, whether or not its namespace is in the path. */
function ownShape(operation: Operation): string | undefined {
  const { namespace: _namespace, ...plain } = operation
  return resourcePaths([plain]).ofOperations[0]?.ends[0].template.shape
}

function createsFaults(
  document: JsonObject,
  operation: Operation,
  templates: ReadonlyMap<string, ResourceTemplate>,
): readonly Fault[] {
  const { creates, path } = operation
  if (creates === undefined) return []
  const pointer = placeOf(operation) + jsonPointer(createsKey)
  if (operation.public === true)
    return [
      {
        pointer,
        detail: 'the operation is open to anybody: what nobody has made is no organization’s',
        fix: `give it security, or leave out ${createsKey}`,
      },
    ]
  const names = parameterNames(creates.resource)
  if (!templates.has(shapeOf(creates.resource)))
    return [
      {
        pointer: `${pointer}/resource`,
        detail: `no operation acts on ${creates.resource}`,
        fix:
          didYouMean(
            creates.resource,
            [...templates.values()].map((one) => one.path),
          ) ?? 'write the path of the resource up to its last parameter',
      },
    ]
  const given = parameterNames(path)
  const unknown = names.slice(0, -1).find((name) => !given.includes(name))
  if (unknown !== undefined)
    return [
      {
        pointer: `${pointer}/resource`,
        detail: `{${unknown}} is no parameter of ${path}: only the last parameter is new`,
        fix: didYouMean(unknown, given) ?? 'name the parameters as in the path of this operation',
      },
    ]
  return idFault(document, operation, creates.id, `${pointer}/id`)
}

/** What the document's answers say of the place of the id; where they say nothing, nothing can be wrong. */
function idFault(document: JsonObject, operation: Operation, id: string, pointer: string): readonly Fault[] {
  const item = resolved(document, member(member(document, 'paths'), operation.path))
  const answers = member(member(item, operation.method.toLowerCase()), 'responses')
  const good = entries(answers).filter(([status]) => /^2(\d\d|XX)$/i.test(status))
  for (const [, answer] of good)
    for (const [type, media] of entries(member(resolved(document, answer), 'content'))) {
      if (!/^application\/(.+\+)?json\b/i.test(type)) continue
      const missing = missingStep(document, member(media, 'schema'), id)
      if (missing !== undefined) return [{ pointer, ...missing }]
    }
  return []
}

/** The first step of the pointer that a schema rules out; schemas that are put together are not looked into. */
function missingStep(
  document: JsonObject,
  schema: unknown,
  id: string,
): Pick<Fault, 'detail' | 'fix'> | undefined {
  let at = resolved(document, schema)
  for (const step of id.slice(1).split('/')) {
    const isJoint = ['allOf', 'anyOf', 'oneOf', '$ref'].some((key) => member(at, key) !== undefined)
    const members = member(at, 'properties')
    if (isJoint || !isObject(members)) return undefined
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    const next = member(members, name)
    if (next === undefined) {
      if (member(at, 'additionalProperties') !== undefined) return undefined
      const fix = didYouMean(name, Object.keys(members))
      return { detail: `the answer has no member ${name} there`, ...(fix === undefined ? {} : { fix }) }
    }
    at = resolved(document, next)
  }
  return undefined
}
