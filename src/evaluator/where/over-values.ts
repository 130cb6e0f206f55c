import {
  isTag,
  type PrincipalVariable,
  type RequestVariable,
  type TagVariable,
  type Variable,
} from './condition.ts'
import type { ConditionFacts, ConditionValue, RequestReading } from './condition-facts.ts'
import { foldTag } from './fold-tag.ts'
import type { TagSet } from './tag-set.ts'
import { either, type Truth } from './truth.ts'
import type { Spelling } from './value-test.ts'

/** What one value comes out as, beside a value of another variable if it is compared with one. */
export type AskedValue = (value: ConditionValue, facts: ConditionFacts, other: ConditionValue) => Truth

/** What all values of a variable come out as. `other` is handed on. */
export type AskedValues = (facts: ConditionFacts, other: ConditionValue) => Truth

export function spellingOf(variable: Variable): Spelling {
  return isTag(variable) ? 'folded' : 'exact'
}

/** Asks each value of a variable: of tags, any may hold; of the request, all must, and where they differ it is unknown. */
export function overValues(variable: Variable, ask: AskedValue): AskedValues {
  switch (variable.of) {
    case 'resourceTags': {
      const key = foldTag(variable.key)
      return (facts, other) => anyTag(facts.resourceTags, key, ask, facts, other)
    }
    case 'principalTags': {
      const key = foldTag(variable.key)
      return (facts, other) => anyTag(facts.principalTags, key, ask, facts, other)
    }
    case 'principal':
      return overPrincipal(variable, ask)
    case 'request':
      return (facts, other) => overReading(facts.request(variable), ask, facts, other)
    default:
      throw new Error(`unknown variable: ${variable satisfies never}`)
  }
}

function anyTag(
  tags: TagSet | undefined,
  key: string,
  ask: AskedValue,
  facts: ConditionFacts,
  other: ConditionValue,
): Truth {
  const values = tags?.get(key)
  if (values === undefined) return 'unknown'
  let truth: Truth = 'false'
  for (const value of values) {
    const one = ask(value, facts, other)
    if (one === 'true') return one
    if (one !== 'false' && one !== truth) truth = truth === 'false' ? one : either(truth, one)
  }
  return truth
}

function overPrincipal({ name }: PrincipalVariable, ask: AskedValue): AskedValues {
  switch (name) {
    case 'id':
      return (facts, other) => ask(facts.principal.id, facts, other)
    case 'kind':
      return (facts, other) => ask(facts.principal.kind, facts, other)
    case 'organization':
      return (facts, other) => ask(facts.principal.organizationId, facts, other)
    default:
      throw new Error(`unknown name: ${name satisfies never}`)
  }
}

export function overReading(
  reading: RequestReading,
  ask: AskedValue,
  facts: ConditionFacts,
  other: ConditionValue,
): Truth {
  if (typeof reading === 'string') return reading === 'body_not_at_hand' ? 'body_required' : 'unknown'
  let truth: Truth | undefined
  for (const value of reading) {
    const one = ask(value, facts, other)
    if (truth !== undefined && one !== truth) return 'unknown'
    truth = one
  }
  return truth ?? 'unknown'
}

/** `IS NULL`: the one test that what is missing does not make unknown. */
export function isAbsent(variable: TagVariable | RequestVariable): (facts: ConditionFacts) => Truth {
  switch (variable.of) {
    case 'resourceTags': {
      const key = foldTag(variable.key)
      return ({ resourceTags }) => isKeyAbsent(resourceTags, key)
    }
    case 'principalTags': {
      const key = foldTag(variable.key)
      return ({ principalTags }) => isKeyAbsent(principalTags, key)
    }
    case 'request':
      return (facts) => isFieldAbsent(facts, variable)
    default:
      throw new Error(`unknown variable: ${variable satisfies never}`)
  }
}

function isKeyAbsent(tags: TagSet | undefined, key: string): Truth {
  if (tags === undefined) return 'unknown'
  return tags.has(key) ? 'false' : 'true'
}

function isFieldAbsent(facts: ConditionFacts, variable: RequestVariable): Truth {
  const reading = facts.request(variable)
  if (reading === 'absent') return 'true'
  if (reading === 'body_not_at_hand') return 'body_required'
  return typeof reading === 'string' || reading.length === 0 ? 'unknown' : 'false'
}
