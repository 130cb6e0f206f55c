import type { EpochMs } from '../clock.ts'
import type { OrganizationId } from '../ids.ts'
import type { CounterAddition } from '../storage/ports.ts'

/** Refusals since the last write: alike ones added up, bounded; what does not fit is counted as dropped. */
export class RefusalBatch {
  readonly #additions = new Map<string, { -readonly [K in keyof CounterAddition]: CounterAddition[K] }>()
  readonly #entriesMax: number
  dropped = 0

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  add(organizationId: OrganizationId, name: string, windowAt: EpochMs): void {
    const key = `${organizationId} ${windowAt} ${name}`
    const known = this.#additions.get(key)
    if (known !== undefined) known.count += 1
    else if (this.#additions.size < this.#entriesMax)
      this.#additions.set(key, { organizationId, name, windowAt, count: 1 })
    else this.dropped += 1
  }

  additions(): readonly CounterAddition[] {
    return [...this.#additions.values()]
  }
}
