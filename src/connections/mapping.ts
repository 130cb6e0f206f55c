import { foldTag } from '../evaluator/where/fold-tag.ts'
import {
  principalTagsBytesMax,
  tagKeysMax,
  tagsBytes,
  tagValueLengthMax,
  tagValuesMax,
} from '../services/principal-tags.ts'
import type { RoleAssignment, User } from '../users/user.ts'

type GivenRole = Pick<RoleAssignment, 'serviceId' | 'role'>

/** What a provider says of a person, made into roles and tags. */
export interface Mapping {
  /** Whoever has this value in the claim has the role. */
  readonly roles: readonly (GivenRole & { readonly claim: string; readonly value: string })[]
  /** The claim's values become the tag's. */
  readonly tags: readonly { readonly claim: string; readonly tag: string }[]
  /** For whom no rule gives a role. */
  readonly defaultRoles: readonly GivenRole[]
}

type Claims = Readonly<Record<string, unknown>>

/**
 * What the mapping gives a person of whom the provider says this. A tag's claim that is absent takes the tag: a person
 * who has left a group does not keep what it gave.
 */
export function mapped(
  { roles, tags, defaultRoles }: Mapping,
  claims: Claims,
): { readonly roles: readonly GivenRole[]; readonly tags: User['tags'] } {
  const ruled = roles.filter(({ claim, value }) => claimValues(claims, claim).includes(value))
  const given = ruled.length === 0 ? defaultRoles : ruled
  const byRole = new Map(given.map(({ serviceId, role }) => [`${serviceId}/${role}`, { serviceId, role }]))
  const filled = tags
    .slice(0, tagKeysMax)
    .map(({ claim, tag }) => [tag, tagValues(claimValues(claims, claim))] as const)
  return { roles: [...byRole.values()], tags: asManyAsFit(filled) }
}

/** The tags of a person travel in tokens: those of the first rules, as far as there is room. */
function asManyAsFit(filled: readonly (readonly [string, readonly string[]])[]): User['tags'] {
  let tags: User['tags'] = {}
  for (const [tag, values] of filled) {
    const more = { ...tags, [tag]: values }
    if (tagsBytes(more) <= principalTagsBytesMax) tags = more
  }
  return tags
}

function tagValues(values: readonly string[]): readonly string[] {
  const fit = values.filter((value) => value.trim() !== '' && value.length <= tagValueLengthMax)
  return [...new Map(fit.map((value) => [foldTag(value), value])).values()].slice(0, tagValuesMax)
}

/**
 * The values of a claim as text: its name, or, beginning with `/`, a JSON pointer into a structured one
 * (`/realm_access/roles`).
 */
export function claimValues(claims: Claims, claim: string): readonly string[] {
  const value = claim.startsWith('/') ? pointedAt(claims, claim) : own(claims, claim)
  return (Array.isArray(value) ? value : [value]).flatMap((one: unknown) =>
    typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean' ? [String(one)] : [],
  )
}

function pointedAt(claims: Claims, pointer: string): unknown {
  const keys = pointer.slice(1).split('/')
  return keys.reduce<unknown>((at, key) => own(at, key.replaceAll('~1', '/').replaceAll('~0', '~')), claims)
}

function own(at: unknown, key: string): unknown {
  if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
  // Sound: `at` is an object that has the key.
  return (at as Record<string, unknown>)[key]
}
