import { DomainError } from '../errors.ts'
import { type Found, findOperations } from '../evaluator/find-operations.ts'
import type { Operation, ServiceModel } from '../evaluator/model.ts'
import { nearest } from '../evaluator/nearest.ts'
import { parameterNames, shapeOf } from '../evaluator/path-template.ts'
import { type PathTrie, pathTrie } from '../evaluator/path-trie.ts'
import { type ResourceName, resourceNameLengthMax } from '../evaluator/resource-key.ts'
import { type ResourcePath, type ResourceTemplate, resourceKey } from '../evaluator/resource-path.ts'
import { compiledModelOf } from '../services/operations-of.ts'
import { derived } from '../storage/derived.ts'

/** A resource as an API or a person names it. */
export interface NamedResource {
  /** As in a request, without what comes after the resource: `/clusters/c1`. */
  readonly path: string
  /** Where its ids are unique, if they are not by themselves. */
  readonly namespace?: string | undefined
}

interface Nameable {
  readonly trie: PathTrie
  readonly paths: readonly (ResourcePath | undefined)[]
  readonly templates: readonly ResourceTemplate[]
}

/** All kinds of resources of a model, found by a path as operations are: with the same rules for ids and paths. */
const nameableIn = derived((model: ServiceModel): Nameable => {
  const { templates, ofOperations } = compiledModelOf(model).resources
  const byRules = new Map<string, { operation: Operation; path: ResourcePath }>()
  for (const [index, operation] of model.operations.entries())
    for (const { template, ids, ...end } of ofOperations[index]?.ends ?? []) {
      const whole = ofOperations[index]
      if (whole === undefined) continue
      const path = prefixOf(operation.path, ids)
      const names = parameterNames(path)
      const rules = names.map((name) => operation.parameters[name] ?? {})
      const id = JSON.stringify([template.shape, rules])
      if (byRules.has(id)) continue
      const parameters = Object.fromEntries(names.map((name, i) => [name, rules[i] ?? {}]))
      // The namespace is given beside the path here.
      const { namespaceAt: _at, ...rest } = end
      byRules.set(id, {
        operation: { id, method: 'GET', path, parameters, alternatives: [] },
        path: { between: whole.between, ends: [{ template, ids, ...rest }] },
      })
    }
  const all = [...byRules.values()]
  const indexed = all.map(({ operation }, index) => ({ index, operation }))
  return {
    trie: pathTrie(indexed, [''], model.strictPaths === true),
    paths: all.map(({ path }) => path),
    templates: [...templates.values()],
  }
})

/** A template up to the segment with its so-manyeth parameter. */
function prefixOf(path: string, ids: number): string {
  let left = ids
  const segments = path.split('/')
  for (const [i, segment] of segments.entries()) {
    left -= parameterNames(segment).length
    if (left <= 0) return segments.slice(0, i + 1).join('/')
  }
  return path
}

/**
 * The name of a resource.
 * @param owner names the namespace where ids are unique within an organization, unless another is given
 * @throws {DomainError} `invalid_request`, its faults at `/path` and `/namespace`
 */
export function nameOf(
  model: ServiceModel,
  { path, namespace }: NamedResource,
  owner: string | undefined,
): ResourceName {
  return named(model, path, (template) => namespaceFor(template, namespace, owner))
}

/**
 * The name that it has as the owner's, though the namespace given may be another organization: where ids are unique within
 * an organization, that is the owner.
 * @throws {DomainError} as `nameOf`
 */
export function nameAs(model: ServiceModel, { path, namespace }: NamedResource, owner: string): ResourceName {
  return named(model, path, (template) =>
    namespaceFor(template, template.namespace === 'organization' ? owner : namespace, undefined),
  )
}

function named(
  model: ServiceModel,
  path: string,
  namespaceOf: (template: ResourceTemplate) => string,
): ResourceName {
  const nameable = nameableIn(model)
  const found = findOperations(nameable.trie, 'GET', path)
  if (found.kind === 'refused' || path.includes('?')) throw refusedPath(nameable, found, path)
  const names = new Map<string, ResourceName>()
  for (const match of found.matches) {
    const of = nameable.paths[match.indexed.index]
    const template = of?.ends[0].template
    if (of === undefined || template === undefined) continue
    const key = resourceKey(of, of.ends[0], match.values, namespaceOf(template))
    names.set(template.shape, key.name)
  }
  const [name, ...others] = names.values()
  if (name === undefined) throw refusedPath(nameable, found, path)
  if (others.length > 0)
    throw refused('/path', 'could be one of several kinds of resources', [...names.keys()].join(', '))
  if (name.length > resourceNameLengthMax)
    throw refused('/path', `is longer than ${resourceNameLengthMax} characters`, 'register what holds it')
  return name
}

function namespaceFor(
  { namespace, path }: ResourceTemplate,
  given: string | undefined,
  owner: string | undefined,
): string {
  if (namespace === undefined) {
    if (given === undefined) return ''
    throw refused('/namespace', `${path} has no namespace`, 'leave it out')
  }
  const named = given ?? (namespace === 'organization' ? owner : undefined)
  if (named !== undefined && named !== '') return named
  const what = namespace === 'organization' ? 'the organization' : `the {${namespace.parameter}}`
  throw refused('/namespace', `is missing: the ids of ${path} are unique only within ${what}`, 'give it')
}

function refusedPath({ templates }: Nameable, found: Found, path: string): DomainError {
  if (found.kind === 'refused' && found.reason === 'ambiguous_path')
    return refused(
      '/path',
      'is not a path that is read in one way alone',
      'write it as requests have it, such as /clusters/c1',
    )
  // An id is as good as the parameter that it stands for, so that what is misspelt are the words between.
  const shapes = new Map(templates.map((template) => [template.path, template]))
  const wanted = path.split('/')
  const sameLength = [...shapes.keys()].filter((one) => one.split('/').length === wanted.length)
  const filled = new Map(
    sameLength.map((one) => [
      one
        .split('/')
        .map((part, i) => (shapeOf(part) === '{}' ? (wanted[i] ?? '') : part))
        .join('/'),
      one,
    ]),
  )
  const near = nearest(path, filled.keys())
  const meant = near === undefined ? undefined : filled.get(near)
  const some = templates.slice(0, 5).map((one) => one.path)
  const fix =
    meant === undefined ? `resources are ${some.join(', ') || 'none here'}` : `did you mean ${meant}?`
  const isId = meant !== undefined && near === path
  return refused('/path', isId ? `has an id that ${meant} does not allow` : 'names no resource', fix)
}

function refused(pointer: string, detail: string, fix: string): DomainError {
  const what = pointer === '/path' ? 'the path' : 'the namespace'
  return new DomainError('invalid_request', `${what} ${detail}`, { fix, faults: [{ pointer, detail, fix }] })
}
