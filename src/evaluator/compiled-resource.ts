import { AtHand } from './at-hand.ts'
import type { Operation, ResourceFact, Tags } from './model.ts'
import { shapeOf } from './path-template.ts'
import { foldTag } from './where/fold-tag.ts'
import { compileTags, type TagSet } from './where/tag-set.ts'

/** A registered resource made ready to decide by. */
export interface CompiledResource {
  readonly owner: string
  readonly tagging: Tagging
}

/** The tags of all resources that have the same. */
export interface Tagging {
  /** As they were given. */
  readonly given: Tags
  readonly tags: TagSet
  /** Those that the principal's must match where no condition says otherwise. */
  readonly matched: readonly (readonly [key: string, values: readonly string[]])[]
  /** Organizations by the keys of access tags. */
  readonly sharedWith: TagSet
}

/** Tags that Latchkey alone writes. */
const systemTagPrefix = 'latchkey:'
/** Tags that share: their key says the method and what comes in the path after the resource, their values with whom. */
const accessTagPrefix = 'access-tag:'
const wildcard = '*'

const nobody: TagSet = new Map()

/** There may be a million resources, and they have few tags among them: each set is made once for all that have it. */
const taggings = new AtHand<Tagging>()

export function compileResource({ owner, tags }: ResourceFact): CompiledResource {
  return { owner, tagging: taggings.of(JSON.stringify(tags), () => compileTagging(tags)) }
}

function compileTagging(given: Tags): Tagging {
  const tags = compileTags(given)
  const entries = [...tags]
  const matched = entries.filter(
    ([key]) => !key.startsWith(accessTagPrefix) && !key.startsWith(systemTagPrefix),
  )
  const sharedWith = matched.length === entries.length ? nobody : compileTags(accessTags(entries))
  return { given, tags, matched, sharedWith }
}

/** Keys whose suffixes differ in the names of their parameters alone are one key. */
function accessTags(entries: readonly (readonly [string, readonly string[]])[]) {
  const tags: Record<string, string[]> = {}
  for (const [key, values] of entries)
    if (key.startsWith(accessTagPrefix)) {
      const shape = accessTagKey(key)
      tags[shape] = [...(tags[shape] ?? []), ...values]
    }
  return tags
}

/**
 * Whether access tags let an organization do an operation. A tag's suffix is what comes in the operation's path after
 * the resource, whatever its parameters are called: `/nodes/{node}`; `/` for the resource itself.
 * @param shape the resource's path template
 * @param anyone the service's owner lets organizations share with anyone
 */
export function isSharedWith(
  { tagging: { sharedWith } }: CompiledResource,
  organizationId: string,
  { method, path }: Operation,
  shape: string,
  anyone: boolean,
): boolean {
  if (sharedWith.size === 0) return false
  const suffix = suffixAfter(path, shape)
  const own = foldTag(organizationId)
  return [method, wildcard].some((of) =>
    [suffix, wildcard].some((after) => {
      const organizations = sharedWith.get(accessTagKey(`${accessTagPrefix}${of}:${after}`))
      return (
        organizations !== undefined &&
        (organizations.includes(own) || (anyone && organizations.includes(wildcard)))
      )
    }),
  )
}

function suffixAfter(path: string, shape: string): string {
  return `/${path.split('/').slice(shape.split('/').length).join('/')}`
}

/** The key of the access tag that shares a resource for one operation and no more. */
export function accessTagFor({ method, path }: Operation, shape: string): string {
  return `${accessTagPrefix}${method}:${suffixAfter(path, shape)}`
}

/** As keys are compared: without case, whatever the parameters of the suffix are called. */
export function accessTagKey(key: string): string {
  return foldTag(shapeOf(key))
}

/** Whether the principal has each of the tags with one of its values. */
export function matchesAllTags({ tagging }: CompiledResource, principal: TagSet): boolean {
  return tagging.matched.every((tag) => matchesTag(tag, principal))
}

/** The tags of a resource that the principal does not match, folded. */
export function unmatchedTags({ tagging }: CompiledResource, principal: TagSet): Tagging['matched'] {
  return tagging.matched.filter((tag) => !matchesTag(tag, principal))
}

function matchesTag([key, values]: Tagging['matched'][number], principal: TagSet): boolean {
  return principal.get(key)?.some((value) => values.includes(value)) === true
}
