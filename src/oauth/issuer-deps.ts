import type { Activity } from '../audit/activity.ts'
import type { Commit } from '../audit/record.ts'
import type { Random } from '../clock.ts'
import type { NewId } from '../ids.ts'
import type { Records } from '../storage/ports.ts'
import type { User } from '../users/user.ts'
import type { ArtifactDeps } from './artifact-adapter.ts'
import type { AuthenticationDeps } from './client-authentication.ts'
import type { EndedTokens } from './ended-tokens.ts'

export interface IssuerDeps extends AuthenticationDeps, ArtifactDeps {
  readonly activity: Activity
  readonly commit: Commit
  readonly newId: NewId
  readonly random: Random
  /** For addresses that apps give: keys, documents, where they are told that somebody signed out. */
  readonly outgoing: typeof fetch
  readonly endedTokens: EndedTokens
  /** The store itself; `records` is its cache. */
  readonly storedRecords: Records
  /** Whether it is the user's password; takes as long when there is no user, or none has one. */
  readonly verifyPassword: (user: User | undefined, password: string) => Promise<boolean>
  /** `https://id.example`, without a slash at its end. */
  readonly origin: string
  /** Told of faults of ours: what the caller sees as `server_error`. */
  readonly onFault: (cause: unknown, requestId: string) => void
}
