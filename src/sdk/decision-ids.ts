import type { Clock, EpochMs, Random } from '../clock.ts'
import { chanceOf, type DecisionId, idsFrom, inBase32 } from '../ids.ts'

const countDigits = 6
const countMax = 32 ** countDigits

/**
 * Ids of decisions: when, which guard, and its how many-th. Like any other id they sort by time and are unique everywhere,
 * but cost no random number each.
 */
export class DecisionIds {
  readonly #clock: Clock
  readonly #guard: string
  #count = 0
  #at: EpochMs = Number.NaN
  #begin = ''

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#guard = chanceOf(10, random)
  }

  next(): DecisionId {
    const now = this.#clock()
    if (now !== this.#at) {
      this.#at = now
      this.#begin = idsFrom('dec', now) + this.#guard
    }
    this.#count = (this.#count + 1) % countMax
    // Sound: 10 digits of time, 10 of chance and 6 of the count are the 26 of an id.
    return (this.#begin + inBase32(this.#count, countDigits)) as DecisionId
  }
}
