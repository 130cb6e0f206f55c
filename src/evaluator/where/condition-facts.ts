import type { RequestVariable } from './condition.ts'
import type { Decimal } from './decimal.ts'
import type { TagSet } from './tag-set.ts'

/**
 * One value of a request, with the type that it has in JSON, or that the schema gives to a parameter. A `number` is taken
 * for its shortest decimal spelling; where reading it has lost digits (`JSON.parse('9007199254740993')`), give its text
 * to `decimalOf`.
 */
export type ConditionValue = string | number | boolean | Decimal

/**
 * What a request holds at a variable's place: its values, one or more, or why there are none to compare.
 * `unusable`: it is there, and is `null`, an object, an empty list, or of another type than the schema's.
 */
export type RequestReading = readonly ConditionValue[] | 'absent' | 'body_not_at_hand' | 'unusable'

/** What conditions ask about. */
export interface ConditionFacts {
  /** `undefined`: not known, so that every test of them, `IS NULL` too, is `unknown`. */
  readonly resourceTags: TagSet | undefined
  readonly principalTags: TagSet | undefined
  readonly principal: {
    readonly id: string
    readonly kind: 'key' | 'user'
    readonly organizationId: string
  }
  /** Asked with the tree's own variable each time: what is worked out for it may be kept by it. */
  request(variable: RequestVariable): RequestReading
}
