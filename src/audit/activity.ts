import type { Clock, EpochMs } from '../clock.ts'
import type { OrganizationId } from '../ids.ts'
import type { Counter, CounterAddition, Counters, LatestMark } from '../storage/ports.ts'
import { type CountedId, countedName, IssuedTokens } from './issued-tokens.ts'
import { RefusalBatch } from './refusal-batch.ts'

/**
 * Why the token endpoint refused a client key, or an assumption was refused to who wanted it. The stranger who presented it is told "client authentication failed";
 * the key's organization reads the reason.
 */
export const refusalReasons = [
  'address_not_allowed',
  'assertion_refused',
  'disabled',
  'expired',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'organization_suspended',
  'principal_not_named',
  'service_gone',
  'organization_gone',
  'rate_limited',
  'revoked',
  'role_deleted',
  'secret_ended',
  'subject_token_refused',
  'wrong_authentication_method',
  'wrong_organization',
  'wrong_secret',
  'wrong_service',
] as const
export type RefusalReason = (typeof refusalReasons)[number]

/** What happens often: counted in memory, written in batches, off the request path. */
export interface Activity {
  /** A token was issued to the key, or by the assumption. */
  issued(organizationId: OrganizationId, id: CountedId): void
  /** The key or assumption was refused: folded by it, reason, address and minute. */
  refused(organizationId: OrganizationId, id: CountedId, reason: RefusalReason, address: string): void
  /** How many happenings were not counted because the batch was full or the store refused it. */
  dropped(): number
  /** Writes what is held. Resolves when it is stored, or dropped. */
  flush(): Promise<void>
  /** Flushes and stops the timer. */
  close(): Promise<void>
}

export interface ActivityOptions {
  readonly counters: Counters
  readonly clock: Clock
  /** Told of each part of a batch that the store refused. */
  readonly onFault: (cause: unknown) => void
  /** How soon refusals, and a key's first token after a pause, are written: somebody may be looking for them. */
  readonly flushMs?: number
  /** How soon a busy key's tokens are written: many are then one write. */
  readonly issuedFlushMs?: number
  /** Different refusals, and different keys with tokens, held at most. */
  readonly entriesMax?: number
}

const minuteMs = 60_000
/** Written at once; more would hold up the requests of a SQLite store's process. */
const partEntries = 250

export function createActivity(options: ActivityOptions): Activity {
  const { counters, clock, onFault, flushMs = 1_000, issuedFlushMs = minuteMs, entriesMax = 50_000 } = options
  const issued = new IssuedTokens(issuedFlushMs, entriesMax)
  let refusals = new RefusalBatch(entriesMax)
  let dropped = 0
  let writing: Promise<void> = Promise.resolve()

  const write = async (additions: readonly CounterAddition[], marks: readonly LatestMark[]) => {
    for (let i = 0; i < Math.max(additions.length, marks.length); i += partEntries) {
      const part = additions.slice(i, i + partEntries)
      try {
        await counters.record(part, marks.slice(i, i + partEntries))
      } catch (cause) {
        // Not tried again: the store may have taken it before the connection broke, and counts must not double.
        for (const { count } of part) dropped += count
        onFault(cause)
      }
    }
  }
  const flush = (isLast: boolean): Promise<void> => {
    const refused = refusals
    refusals = new RefusalBatch(entriesMax)
    dropped += refused.dropped
    const { additions, marks } = issued.take(clock(), isLast)
    // One batch at a time, so that a slow store holds at most two of them.
    writing = writing.then(() => write([...refused.additions(), ...additions], marks))
    return writing
  }
  let underWay = false
  const timer = setInterval(() => {
    if (underWay) return
    underWay = true
    void flush(false).finally(() => {
      underWay = false
    })
  }, flushMs)
  timer.unref()

  return {
    issued: (organizationId, id) => issued.add(organizationId, id, clock()),
    refused: (organizationId, id, reason, address) => {
      const nowMs = clock()
      const name = `${refusedPrefix}${countedName(id)}:${reason}:${address}`
      refusals.add(organizationId, name, nowMs - (nowMs % minuteMs))
    },
    dropped: () => dropped + refusals.dropped + issued.dropped,
    flush: () => flush(true),
    close: () => {
      clearInterval(timer)
      return flush(true)
    },
  }
}

const refusedPrefix = 'refused:'

/** Refusals of one key or assumption, for one reason, from one address, within one minute. */
export interface Refusal {
  readonly kind: 'key' | 'assumption'
  readonly id: string
  readonly reason: string
  readonly address: string
  readonly minuteAt: EpochMs
  readonly count: number
  /** Where the next page goes on. */
  readonly counter: Counter
}

/** The refusals of an organization's keys and assumptions, or of one of them, newest minute first. */
export async function listRefusals(
  counters: Pick<Counters, 'list'>,
  organizationId: OrganizationId,
  id: CountedId | undefined,
  page: { readonly limit: number; readonly after?: Counter },
): Promise<readonly Refusal[]> {
  const prefix = id === undefined ? refusedPrefix : `${refusedPrefix}${countedName(id)}:`
  const found = await counters.list(organizationId, prefix, page)
  return found.map((counter) => {
    const [noun, id = '', reason = '', ...address] = counter.name.slice(refusedPrefix.length).split(':')
    const { windowAt: minuteAt, count } = counter
    // An IPv6 address has colons of its own.
    return {
      kind: noun === 'assumption' ? noun : 'key',
      id,
      reason,
      address: address.join(':'),
      minuteAt,
      count,
      counter,
    }
  })
}
