import type { EpochMs } from '../clock.ts'
import type { ClientKeyId, OrganizationId } from '../ids.ts'
import type { CounterAddition, LatestMark } from '../storage/ports.ts'

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
 * Tokens issued to each key since they were last written: a busy key costs the store two rows in each `writtenMs`,
 * however many its tokens. Its first use after a pause is due at once, since somebody may be waiting to see it.
 */
export class IssuedTokens {
  /** Longest unwritten first: what is written goes to the end. */
  readonly #byKey = new Map<ClientKeyId, Issued>()
  #endedHours: CounterAddition[] = []
  #firstUses: LatestMark[] = []
  readonly #writtenMs: number
  readonly #keysMax: number
  dropped = 0

  constructor(writtenMs: number, keysMax: number) {
    this.#writtenMs = writtenMs
    this.#keysMax = keysMax
  }

  add(organizationId: OrganizationId, keyId: ClientKeyId, nowMs: EpochMs): void {
    const hourAt = nowMs - (nowMs % hourMs)
    const known = this.#byKey.get(keyId)
    if (known === undefined) this.#begin(organizationId, keyId, hourAt, nowMs)
    else {
      if (known.hourAt !== hourAt) this.#endHour(keyId, known, hourAt)
      known.count += 1
      known.usedAt = nowMs
    }
  }

  #begin(organizationId: OrganizationId, keyId: ClientKeyId, hourAt: EpochMs, nowMs: EpochMs): void {
    if (this.#byKey.size >= this.#keysMax) {
      this.dropped += 1
      return
    }
    const [usedAt, markedAt, sinceAt] = [nowMs, nowMs, nowMs]
    this.#byKey.set(keyId, { organizationId, count: 1, hourAt, usedAt, markedAt, sinceAt })
    this.#firstUses.push({ organizationId, name: usedMark(keyId), at: nowMs })
  }

  #endHour(keyId: ClientKeyId, known: Issued, hourAt: EpochMs): void {
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

function addition(keyId: ClientKeyId, { organizationId, hourAt, count }: Issued): CounterAddition {
  return { organizationId, name: `key:${keyId}:issued`, windowAt: hourAt, count }
}

/** The mark that `Counters.latest` answers for a key's last token. */
export function usedMark(keyId: ClientKeyId): string {
  return `key:${keyId}:used`
}
