import { setTimeout } from 'node:timers/promises'
import type { Clock, EpochMs } from '../clock.ts'
import { hasCode } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type CommitChanges, insert, type Records, remove, update } from '../storage/ports.ts'
import { type KeptMail, keptMails, type Mail, type SendMail } from './mail.ts'

/** What a mail server said of a mail: taken, refused for good, or not now. */
export type Delivery =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'refused' | 'not_now'; readonly why: string }

/** Hands one mail to a mail server; never throws. */
export type Deliver = (mail: Mail) => Promise<Delivery>

interface Deps {
  readonly records: Records
  /** Housekeeping of the door: what the operator does with mails has events, the keeping of them has none. */
  readonly commit: CommitChanges
  readonly secrets: Secrets
  readonly clock: Clock
  readonly newId: NewId
  readonly operatorId: () => Promise<OrganizationId>
  /** Absent: no mail server is set, and the operator reads what is kept. */
  readonly deliver?: Deliver | undefined
  readonly log: {
    info(data: object, sentence: string): void
    warn(data: object, sentence: string): void
  }
  readonly retryAfterMs?: readonly number[]
}

export interface Outbox {
  readonly send: SendMail
  /** Forgets mails that nobody read in 30 days. Safe from many nodes at once. */
  sweep(): Promise<void>
  /** Ends what is under way; what was to be tried again stays kept. */
  close(): Promise<void>
}

const retryAfterMsDefault = [5_000, 60_000]
const keptMsMax = 30 * 24 * 3_600_000
const sweptAtOnce = 100

/**
 * Keeps each mail, sealed, before it is handed to the mail server, and lets go of it when that has taken it: a mail is
 * never lost, neither with the process nor with the server. Neither the log nor an error tells what a mail says.
 */
export function createOutbox(deps: Deps): Outbox {
  const { retryAfterMs = retryAfterMsDefault } = deps
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()

  async function deliver(kept: KeptMail, mail: Mail, via: Deliver): Promise<void> {
    for (const waitMs of [...retryAfterMs, undefined]) {
      const delivery = await via(mail)
      if (delivery.kind === 'delivered') return await letGo(deps, kept)
      if (delivery.kind === 'refused' || waitMs === undefined)
        return await markRefused(deps, kept, delivery.why)
      if (await isClosedWithin(waitMs, closing.signal)) return
    }
  }

  function deliverLater(kept: KeptMail, mail: Mail, via: Deliver): void {
    const work = deliver(kept, mail, via)
      .catch((cause: unknown) => deps.log.warn({ mail: kept.id, code: codeOf(cause) }, 'a mail stays kept'))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }

  return {
    send: async (mail) => {
      const kept = await keep(deps, mail)
      if (deps.deliver !== undefined) deliverLater(kept, mail, deps.deliver)
      else deps.log.warn({ mail: kept.id }, 'a mail is kept for the operator: `latchkey mails` shows it')
    },
    sweep: () => sweep(deps),
    close: async () => {
      closing.abort()
      await Promise.all(underWay)
    },
  }
}

async function keep({ commit, secrets, clock, newId, operatorId }: Deps, mail: Mail): Promise<KeptMail> {
  const id = newId('mal')
  const kept: KeptMail = {
    ...{
      id,
      organizationId: await operatorId(),
      version: 1,
      sealed: secrets.seal('mails', id, JSON.stringify(mail)),
    },
    ...{ state: { kind: 'waiting' }, createdAt: clock() },
  }
  await commit([insert(keptMails, kept)])
  return kept
}

async function letGo({ records, commit, log }: Deps, { organizationId, id }: KeptMail): Promise<void> {
  // As it is now: a rewrap may have changed it.
  const kept = await records.find(organizationId, keptMails, id)
  if (kept !== undefined) await commit([remove(keptMails, kept)])
  log.info({ mail: id }, 'a mail was sent')
}

async function markRefused(deps: Deps, { organizationId, id }: KeptMail, why: string): Promise<void> {
  const kept = await deps.records.find(organizationId, keptMails, id)
  if (kept === undefined) return
  const state = { kind: 'refused', refusedAt: deps.clock(), why } as const
  await deps.commit([update(keptMails, kept, { ...kept, state })])
  deps.log.warn(
    { mail: id },
    'the mail server did not take a mail; it is kept: `latchkey mails` shows it and why',
  )
}

async function sweep({ records, commit, clock, operatorId }: Deps): Promise<void> {
  const before: EpochMs = clock() - keptMsMax
  const oldest = await records.list(await operatorId(), keptMails, 'all', '', { limit: sweptAtOnce })
  const [first, ...others] = oldest
    .filter(({ createdAt }) => createdAt < before)
    .map((one) => remove(keptMails, one))
  if (first === undefined) return
  await commit([first, ...others]).catch((cause: unknown) => {
    // Another node was at it; the next sweep takes what is left.
    if (!hasCode(cause, 'conflict')) throw cause
  })
}

/** A wait that is over leaves nothing behind at the signal, which lives as long as the process. */
function isClosedWithin(ms: number, signal: AbortSignal): Promise<boolean> {
  return setTimeout(ms, false, { signal, ref: false }).catch(() => true)
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
}
