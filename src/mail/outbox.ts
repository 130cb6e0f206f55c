import { setTimeout } from 'node:timers/promises'
import type { Clock, EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type Change, type CommitChanges, insert, type Records, remove, update } from '../storage/ports.ts'
import { type KeptMail, keptMails, type Mail, type MailState, openMail, type SendMail } from './mail.ts'

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
  /**
   * Forgets mails that nobody read in 30 days, and begins to deliver those that a node left when it ended. Safe from many
   * nodes at once.
   */
  sweep(): Promise<void>
  /** Ends what is under way; what was to be tried again stays kept, for the next sweep of any node. */
  close(): Promise<void>
}

const retryAfterMsDefault = [5_000, 60_000]
const keptMsMax = 30 * 24 * 3_600_000
const sweptAtOnce = 100
/** Longer than all tries of one mail take; a mail whose node has crashed waits for as long. */
const claimMs = 5 * 60_000
/** What a mail is good for is over by then: links and codes live for a day at the most. */
const deliveredWithinMs = 24 * 3_600_000
const letGoTriesMax = 3

/**
 * Keeps each mail, sealed, before it is handed to the mail server, and lets go of it when that has taken it: a mail is
 * never lost, neither with the process nor with the server. Where the process ends between the two, it arrives twice. Neither the log nor an error tells what a mail says.
 */
export function createOutbox(deps: Deps): Outbox {
  const { retryAfterMs = retryAfterMsDefault } = deps
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()

  async function deliver(kept: KeptMail, via: Deliver, mail = openMail(deps.secrets, kept)): Promise<void> {
    for (const waitMs of [...retryAfterMs, undefined]) {
      const delivery = await via(mail)
      if (delivery.kind === 'delivered') return await letGo(deps, kept)
      if (delivery.kind === 'refused' || waitMs === undefined)
        return await markRefused(deps, kept, delivery.why)
      if (await isClosedWithin(waitMs, closing.signal)) return await release(deps, kept)
      // Another node may be at it by now.
      if (!isClaimed(kept, deps.clock())) return
    }
  }

  function deliverLater(kept: KeptMail, via: Deliver, mail?: Mail): void {
    const work = deliver(kept, via, mail)
      .catch((cause: unknown) => deps.log.warn({ mail: kept.id, code: codeOf(cause) }, 'a mail stays kept'))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }

  return {
    send: async (mail) => {
      const kept = await keep(deps, mail)
      if (deps.deliver !== undefined) deliverLater(kept, deps.deliver, mail)
      else deps.log.warn({ mail: kept.id }, 'a mail is kept for the operator: `latchkey mails` shows it')
    },
    sweep: async () => {
      await forget(deps)
      if (deps.deliver === undefined || closing.signal.aborted) return
      for (const kept of await claimLeft(deps)) deliverLater(kept, deps.deliver)
    },
    close: async () => {
      closing.abort()
      await Promise.all(underWay)
    },
  }
}

async function keep(deps: Deps, mail: Mail): Promise<KeptMail> {
  const { commit, secrets, clock, newId, operatorId } = deps
  const id = newId('mal')
  const nowMs = clock()
  const kept: KeptMail = {
    ...{
      id,
      organizationId: await operatorId(),
      version: 1,
      sealed: secrets.seal('mails', id, JSON.stringify(mail)),
    },
    state: deps.deliver === undefined ? { kind: 'waiting' } : claimed(nowMs),
    createdAt: nowMs,
  }
  await commit([insert(keptMails, kept)])
  return kept
}

async function letGo({ records, commit, log }: Deps, { organizationId, id }: KeptMail): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    // As it is now: a rewrap may have changed it, even in between. What stays would be sent again.
    const kept = await records.find(organizationId, keptMails, id)
    if (kept === undefined || (await isCommitted(commit, remove(keptMails, kept)))) break
    if (tries === letGoTriesMax) throw new DomainError('conflict', `mail ${id} was changed in between`)
  }
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

async function release({ records, commit }: Deps, { organizationId, id }: KeptMail): Promise<void> {
  const kept = await records.find(organizationId, keptMails, id)
  if (kept?.state.kind === 'waiting')
    await isCommitted(commit, update(keptMails, kept, { ...kept, state: { kind: 'waiting' } }))
}

/** Waiting mails that no node is at, which are this node's from now on. */
async function claimLeft(deps: Deps): Promise<readonly KeptMail[]> {
  const { records, commit, clock, operatorId } = deps
  const waiting = await records.list(await operatorId(), keptMails, 'waiting', '', { limit: sweptAtOnce })
  const mine: KeptMail[] = []
  for (const kept of waiting) {
    const nowMs = clock()
    if (isClaimed(kept, nowMs)) continue
    const isLate = nowMs - kept.createdAt >= deliveredWithinMs
    const state = isLate ? late(nowMs) : claimed(nowMs)
    const change = update(keptMails, kept, { ...kept, state })
    // Of many nodes one has it: the stored version is still the one that was read.
    if ((await isCommitted(commit, change)) && !isLate) mine.push({ ...kept, state })
  }
  return mine
}

function claimed(nowMs: EpochMs): MailState {
  return { kind: 'waiting', claimedUntilAt: nowMs + claimMs }
}

function late(nowMs: EpochMs): MailState {
  return { kind: 'refused', refusedAt: nowMs, why: 'it could not be handed over within a day' }
}

function isClaimed({ state }: KeptMail, nowMs: EpochMs): boolean {
  return state.kind === 'waiting' && state.claimedUntilAt !== undefined && nowMs < state.claimedUntilAt
}

async function isCommitted(commit: CommitChanges, change: Change): Promise<boolean> {
  try {
    await commit([change])
    return true
  } catch (cause) {
    if (hasCode(cause, 'conflict')) return false
    throw cause
  }
}

async function forget({ records, commit, clock, operatorId }: Deps): Promise<void> {
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
