import type { Activity } from '../audit/activity.ts'
import type { Commit } from '../audit/record.ts'
import type { Random } from '../clock.ts'
import type { UpstreamSignIn } from '../connections/upstream-sign-in.ts'
import type { NewId } from '../ids.ts'
import type { Records } from '../storage/ports.ts'
import type { Accounts } from './accounts.ts'
import type { ArtifactDeps } from './artifact-adapter.ts'
import type { AuthenticationDeps } from './client-authentication.ts'
import type { Deliveries } from './deliveries.ts'
import type { EndedTokens } from './ended-tokens.ts'

export interface IssuerDeps extends AuthenticationDeps, ArtifactDeps {
  readonly activity: Activity
  readonly commit: Commit
  readonly newId: NewId
  readonly random: Random
  /** For addresses that apps give: keys, documents, where they are told that somebody signed out. */
  readonly outgoing: typeof fetch
  readonly endedTokens: EndedTokens
  /** Apps that a service takes where anybody may register; each node counts for itself, about once a minute. */
  readonly openAppsMax?: number
  /** To apps, when somebody has signed out. */
  readonly deliveries: Deliveries
  /** The store itself; `records` is its cache. */
  readonly storedRecords: Records
  /** `https://id.example`, without a slash at its end. */
  readonly origin: string
  readonly accounts: Accounts
  /** Signs people in at their organizations' own providers. */
  readonly upstream: UpstreamSignIn
  /** Told of faults of ours: what the caller sees as `server_error`. */
  readonly onFault: (cause: unknown, requestId: string) => void
}
