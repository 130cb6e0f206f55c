import type { Clock, EpochMs, Random } from '../clock.ts'
import { chanceOf, type DecisionId, idsFrom, inBase32 } from '../ids.ts'

const countDigits = 6
const countMax = 32 ** countDigits
const endDigits = 2
const endMax = 32 ** endDigits
/** The last digits of a count, all that there are. */
const ends: readonly string[] = Array.from({ length: endMax }, (_, end) => inBase32(end, endDigits))

/**
 * Ids of decisions: when, which guard, and its how many-th. Like any other id they sort by time and are unique everywhere,
 * but cost no random number each, and most of them one concatenation.
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

  next(now: EpochMs = this.#clock()): DecisionId {
    this.#count = (this.#count + 1) % countMax
    const end = this.#count % endMax
    if (now !== this.#at || end === 0) {
      this.#at = now
      const above = inBase32(Math.floor(this.#count / endMax), countDigits - endDigits)
      this.#begin = idsFrom('dec', now) + this.#guard + above
    }
    // Sound: 10 digits of time, 10 of chance and 6 of the count are the 26 of an id.
    return (this.#begin + ends[end]) as DecisionId
  }
}
