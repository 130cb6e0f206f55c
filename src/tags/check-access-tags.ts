import { DomainError, type Fault } from '../errors.ts'
import { accessTagFor, accessTagKey } from '../evaluator/compiled-resource.ts'
import type { ServiceModel, Tags } from '../evaluator/model.ts'
import { nearest } from '../evaluator/nearest.ts'
import { type ResourceName, shapeOfName } from '../evaluator/resource-key.ts'
import { jsonPointer } from '../json-text.ts'
import { compiledModelOf } from '../services/operations-of.ts'
import type { Service } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import { isAccessTagKey } from './resource.ts'

const shownMax = 8

/** The access tags that share resources of one kind for something. */
interface Shareable {
  /** Each for one operation, as it is written. */
  readonly keys: Set<string>
  /** These and those with `*`, as keys are compared. */
  readonly compared: Set<string>
}

/** By the shape of the resource: operations on it, and on what it holds. */
const shareableIn = derived((model: ServiceModel): ReadonlyMap<string, Shareable> => {
  const { ofOperations } = compiledModelOf(model).resources
  const byShape = new Map<string, Shareable>()
  for (const [index, operation] of model.operations.entries())
    for (const { template } of ofOperations[index]?.ends ?? []) {
      const known = byShape.get(template.shape) ?? { keys: new Set(), compared: new Set() }
      byShape.set(template.shape, known)
      const key = accessTagFor(operation, template.shape)
      known.keys.add(key)
      for (const one of withWildcards(key)) known.compared.add(accessTagKey(one))
    }
  return byShape
})

function withWildcards(key: string): readonly string[] {
  const [prefix, method, ...rest] = key.split(':')
  const suffix = rest.join(':')
  return [method, '*'].flatMap((of) => [suffix, '*'].map((after) => `${prefix}:${of}:${after}`))
}

/**
 * An access tag that matches no operation would share nothing, and nobody would be told. One that was there before stays:
 * the document may have changed since.
 * @throws {DomainError} `invalid_request`, at each of them
 */
export function checkAccessTags(
  { model, slug }: Pick<Service, 'model' | 'slug'>,
  name: ResourceName,
  tags: Tags,
  before: Tags = {},
): void {
  const written = Object.keys(tags).filter((key) => isAccessTagKey(key) && !Object.hasOwn(before, key))
  if (written.length === 0) return
  const shareable = shareableIn(model).get(shapeOfName(name))
  const idle = written.filter((key) => shareable?.compared.has(accessTagKey(key)) !== true)
  if (idle.length === 0) return
  const faults = idle.map(
    (key): Fault => ({
      pointer: `/tags${jsonPointer(key)}`,
      detail: `no operation of ${slug} on such a resource is what this access tag says: it would share nothing`,
      fix: fixFor(key, [...(shareable?.keys ?? [])]),
    }),
  )
  throw new DomainError('invalid_request', `the access tag ${idle[0]} would share nothing`, { faults })
}

function fixFor(key: string, keys: readonly string[]): string {
  const meant = nearest(key, keys)
  if (meant !== undefined) return `did you mean ${meant}?`
  const more = keys.length > shownMax ? ', …' : ''
  return `write ${keys.slice(0, shownMax).join(', ')}${more}, or * for the method or the path`
}
