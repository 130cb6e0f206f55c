import type { EpochMs } from '../clock.ts'
import { type AssumptionId, type ClientKeyId, type OrganizationId, parseId } from '../ids.ts'
import type { CounterAddition, LatestMark } from '../storage/ports.ts'

/** Whose tokens are counted: a key, in its organization; an assumption, in the one whose role is assumed. */
export type CountedId = ClientKeyId | AssumptionId

interface Issued {
  readonly organizationId: OrganizationId
  /** Tokens of this hour that are not written yet. */
  count: number
  hourAt: EpochMs
  usedAt: EpochMs
  /** The last use that was written. */
  markedAt: EpochMs
  /** When this was last written, or began. */
  sinceAt: EpochMs
}

const hourMs = 3_600_000

/**
 * Tokens issued to each key, or by each assumption, since they were last written: a busy key costs the store two rows in each `writtenMs`,
 * however many its tokens. Its first use after a pause is due at once, since somebody may be waiting to see it.
 */
export class IssuedTokens {
  /** Longest unwritten first: what is written goes to the end. */
  readonly #byKey = new Map<CountedId, Issued>()
  #endedHours: CounterAddition[] = []
  #firstUses: LatestMark[] = []
  readonly #writtenMs: number
  readonly #keysMax: number
  dropped = 0

  constructor(writtenMs: number, keysMax: number) {
    this.#writtenMs = writtenMs
    this.#keysMax = keysMax
  }

  add(organizationId: OrganizationId, keyId: CountedId, nowMs: EpochMs): void {
    const hourAt = nowMs - (nowMs % hourMs)
    const known = this.#byKey.get(keyId)
    if (known === undefined) this.#begin(organizationId, keyId, hourAt, nowMs)
    else {
      if (known.hourAt !== hourAt) this.#endHour(keyId, known, hourAt)
      known.count += 1
      known.usedAt = nowMs
    }
  }

  #begin(organizationId: OrganizationId, keyId: CountedId, hourAt: EpochMs, nowMs: EpochMs): void {
    if (this.#byKey.size >= this.#keysMax) {
      this.dropped += 1
      return
    }
    const [usedAt, markedAt, sinceAt] = [nowMs, nowMs, nowMs]
    this.#byKey.set(keyId, { organizationId, count: 1, hourAt, usedAt, markedAt, sinceAt })
    this.#firstUses.push({ organizationId, name: usedMark(keyId), at: nowMs })
  }

  #endHour(keyId: CountedId, known: Issued, hourAt: EpochMs): void {
    if (known.count > 0) this.#endedHours.push(addition(keyId, known))
    known.count = 0
    known.hourAt = hourAt
  }

  /** What is due to be written, from then on held as written. With `isLast` that is all, and nothing stays. */
  take(
    nowMs: EpochMs,
    isLast: boolean,
  ): { readonly additions: readonly CounterAddition[]; readonly marks: readonly LatestMark[] } {
    const [additions, marks] = [this.#endedHours, this.#firstUses]
    this.#endedHours = []
    this.#firstUses = []
    for (const [keyId, issued] of this.#byKey) {
      const { organizationId, count, usedAt, markedAt, sinceAt } = issued
      // A clock set back makes all of them due, once.
      if (!isLast && Math.abs(nowMs - sinceAt) < this.#writtenMs) break
      this.#byKey.delete(keyId)
      if (count === 0) continue
      additions.push(addition(keyId, issued))
      if (usedAt !== markedAt) marks.push({ organizationId, name: usedMark(keyId), at: usedAt })
      if (!isLast) this.#byKey.set(keyId, { ...issued, count: 0, markedAt: usedAt, sinceAt: nowMs })
    }
    return { additions, marks }
  }
}

function addition(keyId: CountedId, { organizationId, hourAt, count }: Issued): CounterAddition {
  return { organizationId, name: `${countedName(keyId)}:issued`, windowAt: hourAt, count }
}

/** The mark that `Counters.latest` answers for the last token of a key, or by an assumption. */
export function usedMark(keyId: CountedId): string {
  return `${countedName(keyId)}:used`
}

/** What the names of its counters have of it. */
export function countedName(id: CountedId): string {
  return `${parseId('asm', id) === undefined ? 'key' : 'assumption'}:${id}`
}
