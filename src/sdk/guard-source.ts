import type { DecisionFacts } from '../evaluator/grant.ts'
import type { Caller } from '../evaluator/model.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import type { DecisionLogState, Deliver } from './decision-log.ts'
import type { Report } from './guard-trouble.ts'
import type { Register } from './registrar.ts'
import type { TokenMarks } from './revocation-index.ts'

/** How a guard stands with what it follows. */
export interface GuardState {
  /** `starting`: nothing known yet. `degraded`: nothing heard lately, still deciding. `stale`: refusing. */
  readonly kind: 'starting' | 'following' | 'degraded' | 'stale'
  /** The feed's position up to which it has taken in changes. */
  readonly position: number
  /** Seconds since the server was last heard from; absent before the first time. */
  readonly heardSecondsAgo?: number
  /** The server address that is followed. */
  readonly server?: string
  /** Why the last try failed, in words. */
  readonly trouble?: string
  /** Present where decisions are recorded. */
  readonly decisionLog?: DecisionLogState
}

/**
 * Where a guard knows from: a server over HTTP, or the server's own process. Answers at once where it can, so that
 * a decision waits for nothing that is at hand.
 */
export interface GuardSource {
  /** `undefined`: nothing known yet. */
  bundle(): CompiledBundle | undefined | Promise<CompiledBundle | undefined>
  /**
   * Facts about the caller, and about resources by their names. Throws (or rejects) if they are not at hand and cannot be
   * had.
   */
  factsFor(caller: Caller, resources?: readonly string[]): DecisionFacts | Promise<DecisionFacts>
  /**
   * The facts that are at hand, whomever they are about: a decision says itself what it lacks. Absent where none ever are.
   */
  readonly factsAtHand?: DecisionFacts
  isRevoked(marks: TokenMarks): boolean
  /** What is known is too old to decide by. */
  isStale(): boolean
  /** A token named an unknown key: looks whether there is a newer bundle. Bounded however often it is called. */
  refresh(): Promise<void>
  /** Takes decisions to the server; absent where there is nobody to take them. */
  readonly deliver?: Deliver
  /** Tells the server of what the API has made; absent where there is nobody to tell. */
  readonly register?: Register
  /** Told what the operator must know. */
  readonly report?: Report
  /** Resolves when the first bundle is at hand. */
  ready(): Promise<void>
  state(): GuardState
  close(): void
}
