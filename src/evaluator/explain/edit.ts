import { type CompiledResource, compileResource } from '../compiled-resource.ts'
import type { DecisionFacts } from '../grant.ts'
import type { Caller, Tags } from '../model.ts'
import { ResourceKey } from '../resource-key.ts'
import { foldTag } from '../where/fold-tag.ts'
import { type SentField, sentWith, sentWithout } from './edit-request.ts'
import { type ReadSituation, withRequest } from './situation.ts'

/** One thing that somebody could change so that a request is decided otherwise. */
export type Edit =
  /** A client key holds one role, so that this one takes its place; a person holds it beside their others. */
  | { readonly kind: 'give_role'; readonly role: string }
  /** Lets the caller's organization use a service-defined role. */
  | { readonly kind: 'entitle'; readonly role: string }
  | { readonly kind: 'add_scope'; readonly scope: string }
  | { readonly kind: 'tag_principal'; readonly key: string; readonly value: string }
  | { readonly kind: 'untag_principal'; readonly key: string }
  /** Adds a value to those that the tag has. */
  | {
      readonly kind: 'tag_resource'
      readonly resource: string
      readonly key: string
      readonly value: string
    }
  | { readonly kind: 'untag_resource'; readonly resource: string; readonly key: string }
  | { readonly kind: 'register_resource'; readonly resource: string; readonly owner: string }
  /** An access tag, which the resource's owner gives. */
  | {
      readonly kind: 'share_resource'
      readonly resource: string
      readonly key: string
      readonly organization: string
    }
  | ({ readonly kind: 'send' } & SentField)
  | { readonly kind: 'send_no_more'; readonly field: readonly string[] }

/** The situation as it would be. Nothing of the one that is given is changed. */
export function withEdits(situation: ReadSituation, edits: readonly Edit[]): ReadSituation {
  return edits.reduce(withEdit, situation)
}

function withEdit(situation: ReadSituation, edit: Edit): ReadSituation {
  const { caller, facts, request } = situation
  switch (edit.kind) {
    case 'send':
      return withRequest(situation, sentWith(request, situation.content.json, edit))
    case 'send_no_more':
      return withRequest(situation, sentWithout(request, situation.content.json, edit.field))
    case 'tag_resource':
    case 'untag_resource':
    case 'share_resource':
    case 'register_resource':
      return { ...situation, facts: factsWithResource(facts, edit.resource, resourceWith(facts, edit)) }
    case 'entitle': {
      if (caller === undefined) return situation
      return { ...situation, facts: entitledTo(facts, caller.organizationId, edit.role) }
    }
    default:
      return caller === undefined ? situation : { ...situation, caller: callerWith(caller, edit) }
  }
}

type OfCaller = Extract<Edit, { kind: 'give_role' | 'add_scope' | 'tag_principal' | 'untag_principal' }>

function callerWith(caller: Caller, edit: OfCaller): Caller {
  switch (edit.kind) {
    case 'give_role': {
      const hasOne = caller.kind === 'key' || caller.assumed !== undefined
      return { ...caller, roles: hasOne ? [edit.role] : [...caller.roles, edit.role] }
    }
    case 'add_scope':
      return { ...caller, scope: [...(caller.scope ?? []), edit.scope] }
    case 'tag_principal':
      return { ...caller, tags: tagged(caller.tags ?? {}, edit.key, edit.value) }
    case 'untag_principal':
      return { ...caller, tags: untagged(caller.tags ?? {}, edit.key) }
    default:
      throw new Error(`unknown edit: ${edit satisfies never}`)
  }
}

type OfResource = Extract<
  Edit,
  { kind: 'tag_resource' | 'untag_resource' | 'share_resource' | 'register_resource' }
>

function resourceWith(facts: DecisionFacts, edit: OfResource): CompiledResource | null {
  if (edit.kind === 'register_resource') return compileResource({ owner: edit.owner, tags: {} })
  const before = facts.resource(ResourceKey.of(edit.resource)) ?? null
  if (before === null) return null
  return compileResource({ owner: before.owner, tags: tagsWith(before.tagging.given, edit) })
}

function tagsWith(tags: Tags, edit: Exclude<OfResource, { kind: 'register_resource' }>): Tags {
  switch (edit.kind) {
    case 'tag_resource':
      return tagged(tags, edit.key, edit.value)
    case 'share_resource':
      return tagged(tags, edit.key, edit.organization)
    case 'untag_resource':
      return untagged(tags, edit.key)
    default:
      throw new Error(`unknown edit: ${edit satisfies never}`)
  }
}

function tagged(tags: Tags, key: string, value: string): Tags {
  return { ...tags, [key]: [...(Object.hasOwn(tags, key) ? (tags[key] ?? []) : []), value] }
}

/** Keys compare without case. */
function untagged(tags: Tags, key: string): Tags {
  const folded = foldTag(key)
  return Object.fromEntries(Object.entries(tags).filter(([other]) => foldTag(other) !== folded))
}

function factsWithResource(facts: DecisionFacts, name: string, of: CompiledResource | null): DecisionFacts {
  return {
    role: (id) => facts.role(id),
    entitlement: (id) => facts.entitlement(id),
    resource: (key) => (key.name === name ? of : facts.resource(key)),
  }
}

function entitledTo(facts: DecisionFacts, organizationId: string, role: string): DecisionFacts {
  const before = facts.entitlement(organizationId)
  const entitlement = [...(before ?? []), role]
  return {
    role: (id) => facts.role(id),
    entitlement: (id) => (id === organizationId ? entitlement : facts.entitlement(id)),
    resource: (key) => facts.resource(key),
  }
}
