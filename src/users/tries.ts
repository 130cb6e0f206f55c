import type { Clock, EpochMs } from '../clock.ts'
import type { OrganizationId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Counters } from '../storage/ports.ts'

/** Counts against a limit, for a while and never for good. */
export interface Tries {
  /** Counts one; what is counted comes from strangers. */
  take(key: string): Promise<Try>
}

export interface Try {
  /** It was one too many. */
  readonly isSpent: boolean
  /** Until there are more. */
  readonly seconds: number
  /** It was none: a right password is not held against anybody. */
  giveBack(): Promise<void>
}

interface Limit {
  /** What is counted. */
  readonly name: string
  readonly most: number
}

interface Deps {
  readonly counters: Counters
  readonly secrets: Secrets
  readonly clock: Clock
}

const windowSeconds = 900
const windowMs = windowSeconds * 1000
const prefix = 'tries/'
/** Names nothing: whoever tries is of no organization yet. */
const nobodys = 'org_00000000000000000000000000' as OrganizationId

/**
 * Tries in each quarter of an hour by the clock, counted in the store: all nodes together let no more through than one.
 * Neither an address nor an e-mail address can be read from what is kept.
 */
export function storedTries({ counters, secrets, clock }: Deps, { name, most }: Limit): Tries {
  return {
    take: async (key) => {
      const nowMs = clock()
      const windowAt = nowMs - (nowMs % windowMs)
      const digest = secrets.digest('tries', key)
      const counter = { organizationId: nobodys, name: `${prefix}${name}/${digest}`, windowAt }
      const count = await counters.add({ ...counter, count: 1 })
      return {
        isSpent: count > most,
        seconds: Math.ceil((windowAt + windowMs - nowMs) / 1000),
        giveBack: async () => {
          await counters.add({ ...counter, count: -1 })
        },
      }
    },
  }
}

/** Strangers may cause any number of counters: none outlives its window for long. */
export function forgetTries(counters: Counters, nowMs: EpochMs): Promise<number> {
  return counters.forget(nowMs - windowMs, prefix)
}
