import type { FoundResource } from '../find-resource.ts'
import type { Grant } from '../grant.ts'
import type { Match } from '../match.ts'
import type { Caller, DenialReason, ReasonCode } from '../model.ts'
import type { RequestAtHand } from '../request/request-at-hand.ts'
import type { ExplainedRole, ExplainedSide } from './explanation.ts'
import type { Source } from './sources.ts'

/** An operation that a request names, with all that was tried for it. */
export interface TriedOperation {
  readonly match: Match
  readonly reason: ReasonCode
  readonly of?: TriedFor
  readonly sides: readonly TriedSide[]
}

/** Who asked for what. */
export interface TriedFor {
  readonly caller: Caller
  readonly grant: Grant
  readonly request: RequestAtHand
  /** `undefined`: the operation acts on none, or the API knows it. */
  readonly resource: FoundResource | undefined
}

export interface TriedSide {
  readonly kind: ExplainedSide['kind']
  readonly allows: boolean
  readonly roles: readonly TriedRole[]
}

export interface TriedRole {
  readonly names: ExplainedRole['names']
  readonly standing: ExplainedRole['standing']
  readonly tried: readonly Tried[]
}

/** A statement, and how far it came. */
export interface Tried {
  readonly source: Source
  readonly reason: 'allowed' | DenialReason
}
