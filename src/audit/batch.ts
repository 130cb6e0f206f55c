import type { EpochMs } from '../clock.ts'
import type { OrganizationId } from '../ids.ts'
import type { CounterAddition, LatestMark } from '../storage/ports.ts'

/** What happened since the last write: alike things added up, bounded; what does not fit is counted as dropped. */
export class Batch {
  readonly #additions = new Map<string, { -readonly [K in keyof CounterAddition]: CounterAddition[K] }>()
  readonly #marks = new Map<string, LatestMark>()
  readonly #entriesMax: number
  dropped = 0

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  get size(): number {
    return this.#additions.size + this.#marks.size
  }

  add(organizationId: OrganizationId, name: string, windowAt: EpochMs): void {
    const key = `${organizationId} ${windowAt} ${name}`
    const known = this.#additions.get(key)
    if (known !== undefined) known.count += 1
    else if (this.size < this.#entriesMax)
      this.#additions.set(key, { organizationId, name, windowAt, count: 1 })
    else this.dropped += 1
  }

  mark(organizationId: OrganizationId, name: string, at: EpochMs): void {
    const key = `${organizationId} ${name}`
    if (this.#marks.has(key) || this.size < this.#entriesMax)
      this.#marks.set(key, { organizationId, name, at })
  }

  /** All of it, in parts of so many additions and so many marks at most. */
  *parts(ofEachMax: number): Generator<{
    readonly additions: readonly CounterAddition[]
    readonly marks: readonly LatestMark[]
  }> {
    const additions = [...this.#additions.values()]
    const marks = [...this.#marks.values()]
    for (let i = 0; i < Math.max(additions.length, marks.length); i += ofEachMax)
      yield { additions: additions.slice(i, i + ofEachMax), marks: marks.slice(i, i + ofEachMax) }
  }
}
