import type { Activity } from '../audit/activity.ts'
import type { RecordDeps } from '../decisions/record-decisions.ts'
import type { ServerDeciders } from '../decisions/server-deciders.ts'
import type { HttpServer } from '../http/server.ts'
import type { LiveRevocations } from '../revocations/live.ts'
import type { Guard } from '../sdk/guard.ts'
import type { Parts } from './parts.ts'

/** What there is only while the node listens. */
export interface RunningParts extends Parts {
  readonly revocations: LiveRevocations
  readonly activity: Activity
  /** Of the service `latchkey`. */
  readonly guard: Guard
  readonly recording: RecordDeps
  readonly deciders: ServerDeciders
  /** Not to be called before the first request. */
  readonly server: () => HttpServer
}
