import type { Clock, Random } from '../clock.ts'
import type { PossessionRules } from './possession.ts'
import type { ResourceDescription } from './resource-metadata.ts'
import type { StepUpRules } from './step-up.ts'
import type { VerificationRules } from './verify-token.ts'

/** What a guard takes from the machine. */
export interface GuardMachine {
  readonly clock: Clock
  readonly random: Random
}

export interface CheckRules extends VerificationRules, PossessionRules {
  readonly trustedProxies: number
  readonly tokenLengthMax: number
  readonly verifiedTokensMax: number
  readonly stepUp: StepUpRules
  /** Present: the API's metadata are given, and named in challenges. */
  readonly described: ResourceDescription | undefined
}
