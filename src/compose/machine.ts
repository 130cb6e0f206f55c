import type { Clock, MonotonicClock, Random } from '../clock.ts'
import type { Log } from '../http/log.ts'
import type { NewId } from '../ids.ts'
import type { ResolveTxt } from '../organizations/published-txt.ts'

/** What only `main` may ask the machine for. */
export interface Machine {
  readonly clock: Clock
  readonly monotonic: MonotonicClock
  readonly random: Random
  readonly newId: NewId
  /** Cheaper than an id of a record: one is made for every request. */
  readonly newRequestId: () => string
  /** Asks the machine's name servers. */
  readonly resolveTxt: ResolveTxt
  readonly log: Log
}
