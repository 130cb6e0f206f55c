import type { Decision } from '../decide.ts'
import type { DenialReason, Operation, ReasonCode, Tags } from '../model.ts'
import type { Truth } from '../where/truth.ts'
import type { Edit } from './edit.ts'

/** A decision, with all that led to it. */
export interface Explanation {
  /** What `decide` answers. */
  readonly decision: Decision
  /** The operations that the request names, which all must allow; none where it names none. */
  readonly operations: readonly ExplainedOperation[]
  /** The smallest changes that would have it allowed: any one of them, each decided anew. None if it is allowed. */
  readonly changes: readonly Change[]
}

/** Edits that have a request allowed if all of them are made. */
export type Change = readonly [Edit, ...Edit[]]

export interface ExplainedOperation {
  readonly operation: Operation
  /** Path parameters, decoded once. */
  readonly parameters: Readonly<Record<string, string>>
  readonly reason: ReasonCode
  /** Present where the operation is of one organization (`x-latchkey-organization`). */
  readonly organization?: ExplainedOrganization
  /** Present where Latchkey knows the service's resources and the operation acts on one. */
  readonly resource?: ExplainedResource
  /** Each must allow. None where nobody needs to say who they are, or nobody has. */
  readonly sides: readonly ExplainedSide[]
}

export interface ExplainedOrganization {
  readonly parameter: string
  /** What the path says. */
  readonly asked: string
  /** The caller's. */
  readonly own: string
  readonly passes: boolean
}

/** Tells of any organization's resource: for the service's owner, never for callers. */
export interface ExplainedResource {
  /** The resource's own name, then those of what holds it, from the inside out. */
  readonly names: readonly string[]
  readonly standing: 'owned' | 'shared' | 'of_another' | 'unregistered' | 'not_at_hand'
  /** The first of the names that is registered. */
  readonly registered?: {
    readonly name: string
    readonly owner: string
    readonly tags: Tags
  }
}

/** Statements of which one must allow: those of the roles, and those of what bounds them. */
export interface ExplainedSide {
  readonly kind: 'roles' | 'entitlement' | 'scope'
  readonly allows: boolean
  /** Of the entitlement, those that name the operation alone. */
  readonly roles: readonly ExplainedRole[]
}

export interface ExplainedRole {
  /** A name, or an organization-defined role's id; several where only they together open the operation. */
  readonly names: readonly [string, ...string[]]
  /**
   * `unknown`: no such role is left in the service, or in the caller's organization. `not_entitled`: the organization may
   * not use it.
   */
  readonly standing: 'held' | 'unknown' | 'not_entitled'
  /** What in it names the operation. */
  readonly attempts: readonly ExplainedAttempt[]
}

/** Where it is said that an operation is allowed. */
export type StatementPlace =
  /** In the `allow` of a role, by its index; the role itself, or one that it includes. */
  | { readonly kind: 'statement'; readonly role: string; readonly index: number }
  /** In the document's `security` of the operation. */
  | { readonly kind: 'security'; readonly scopes: readonly string[] }

export interface ExplainedAttempt {
  readonly place: StatementPlace
  readonly reason: 'allowed' | DenialReason
  /** With `field_not_allowed`: what is sent and not in the list. Names alone. */
  readonly fieldsOutside?: readonly string[]
  /** With `tag_mismatch`: tags of the resource that the principal does not match. */
  readonly tagsUnmatched?: readonly UnmatchedTag[]
  /** Where the condition did not come out as true; of 20 statements at most. */
  readonly condition?: FailedCondition
  /** Present if it shows a part of responses only. */
  readonly filters?: readonly ExplainedFilter[]
}

export interface ExplainedFilter {
  readonly role: string
  readonly fields: readonly string[]
  readonly mask?: string
}

export interface UnmatchedTag {
  readonly key: string
  readonly needed: ShownValues
  /** The principal's. */
  readonly own: ShownValues
}

export interface FailedCondition {
  readonly tree: ExplainedCondition
  /** Those parts that made it come out as it did, 20 at most. */
  readonly decisive: readonly DecisiveTest[]
}

/**
 * What a part of a condition is told to have come out as. `body_required`: a body that is not at hand could have it come
 * out as is needed for the whole to hold.
 */
export type ToldTruth = Exclude<Truth, 'never_true' | 'never_false'>

/** A condition, with what each part of it came out as. */
export type ExplainedCondition =
  | { readonly kind: 'and' | 'or'; readonly truth: ToldTruth; readonly of: readonly ExplainedCondition[] }
  | { readonly kind: 'not'; readonly truth: ToldTruth; readonly of: ExplainedCondition }
  | ({ readonly kind: 'test' } & ExplainedTest)

interface ExplainedTest {
  /** As it is printed; literals beside what looks like a secret are masked. */
  readonly text: string
  readonly truth: ToldTruth
}

export interface DecisiveTest extends ExplainedTest {
  /** What its variables had. */
  readonly variables: readonly { readonly name: string; readonly values: ShownValues }[]
}

/** Values as they may be shown: those of bodies never, nor those under names that look like a secret's. */
export type ShownValues =
  | { readonly kind: 'values'; readonly values: readonly string[]; readonly more: number }
  | { readonly kind: 'hidden'; readonly why: 'body' | 'secret' }
  | {
      readonly kind: 'none'
      readonly why: 'absent' | 'unusable' | 'ambiguous' | 'body_not_at_hand' | 'not_known'
    }
