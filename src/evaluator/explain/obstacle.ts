import type { CompiledModel } from '../compile-model.ts'
import type { Denied } from '../verdict.ts'
import type { Edit } from './edit.ts'
import type { ReadSituation } from './situation.ts'
import type { TriedFor, TriedOperation } from './tried.ts'

/** Edits that are made together, since each of them takes away a part of what stands in the way. */
export type Step = readonly Edit[]

/** What a caller may be given. */
export interface Giving {
  readonly model: CompiledModel
  /** Of the caller's organization, those that name an operation of the request. */
  readonly ownRoles: readonly string[]
}

/** What is looked at to find steps. */
export interface Obstacle {
  readonly giving: Giving
  readonly situation: ReadSituation
  readonly tried: TriedOperation
  readonly of: TriedFor
  readonly denied: Denied
}
