/** The values of one key of the tags of the resource, or of the caller. Keys compare without case (`foldTag`). */
export interface TagVariable {
  readonly of: 'resourceTags' | 'principalTags'
  readonly key: string
}

export function isTag(variable: Variable): variable is TagVariable {
  return variable.of === 'resourceTags' || variable.of === 'principalTags'
}

/** What the token says of the caller. */
export interface PrincipalVariable {
  readonly of: 'principal'
  readonly name: PrincipalName
}

export const principalNames = ['id', 'kind', 'organization'] as const
export type PrincipalName = (typeof principalNames)[number]

/** A part of the request: a parameter has one name, a field of the body (or of such a parameter) one for each level. */
export interface RequestVariable {
  readonly of: 'request'
  readonly path: readonly string[]
  /** Where to look, if the condition says so. Else the document says which it is. */
  readonly from?: RequestPlace
}

export const requestPlaces = ['path', 'query', 'body'] as const
export type RequestPlace = (typeof requestPlaces)[number]

export type Variable = TagVariable | PrincipalVariable | RequestVariable

export type Literal =
  | { readonly of: 'text'; readonly text: string }
  /** As it was written, which is a number of JSON (RFC 8259 §6): `=` compares text, where `10` is not `10.0`. */
  | { readonly of: 'number'; readonly text: string }
  | { readonly of: 'boolean'; readonly value: boolean }

export type Operand = Variable | Literal

export function isLiteral(operand: Operand): operand is Literal {
  return operand.of === 'text' || operand.of === 'number' || operand.of === 'boolean'
}

export const operators = ['=', '!=', '<', '<=', '>', '>='] as const
export type Operator = (typeof operators)[number]

export interface Comparison {
  readonly kind: 'comparison'
  readonly left: Operand
  readonly operator: Operator
  readonly right: Operand
}

export interface In {
  readonly kind: 'in'
  readonly negated: boolean
  readonly operand: Operand
  /** At least one. */
  readonly literals: readonly Literal[]
}

export interface Like {
  readonly kind: 'like'
  readonly negated: boolean
  readonly operand: Operand
  /** Without what the pattern writes at its ends for `match`. */
  readonly text: string
  readonly match: 'whole' | 'start' | 'end' | 'anywhere'
}

export interface Between {
  readonly kind: 'between'
  readonly negated: boolean
  readonly operand: Operand
  /** Both ends are within. */
  readonly low: Literal
  readonly high: Literal
}

export interface IsNull {
  readonly kind: 'is_null'
  readonly negated: boolean
  readonly operand: Operand
}

export type Predicate = Comparison | In | Like | Between | IsNull

/**
 * A condition as its parser makes it: an `or` has two or more parts, none of them an `or`; an `and` likewise. Plain
 * JSON, and what `printCondition` writes reads as the same tree.
 */
export type Condition =
  | Predicate
  | { readonly kind: 'or' | 'and'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }

/** Bounds of a condition's text. */
export const conditionBytesMax = 4096
/** Parentheses within one another, lists of `IN` aside. */
export const conditionDepthMax = 32
/** Literals in one list of `IN`. */
export const conditionListMax = 1000

/** Something that keeps a text from being a condition. */
export interface ConditionFault {
  /** Where, in UTF-16 code units from the start of the text. */
  readonly offset: number
  readonly message: string
  /** What to write instead. */
  readonly fix: string
}
