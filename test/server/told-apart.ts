// Whether what is known can be told by how long answers take: in pairs, by ranks, for as long as it needs to be seen.
import { randomInt } from 'node:crypto'

/** What is asked in each round, and how long its answer took, in milliseconds. */
interface Arms {
  readonly known: (n: number) => Promise<number>
  readonly unknown: (n: number) => Promise<number>
  /** As `unknown`, with so much more: who does not see this one sees nothing. */
  readonly slower: (n: number, byMs: number) => Promise<number>
}

/** By how much the one is later than the other: Hodges–Lehmann, and the interval of Wilcoxon's signed ranks. */
interface Difference {
  readonly lowMs: number
  readonly medianMs: number
  readonly highMs: number
}

interface Comparison {
  readonly rounds: number
  /** How much more was seen for certain; what is half as much is seen, too. */
  readonly slowerByMs: number
  /** Of the known to the unknown: its interval leaves out one of 10 000. */
  readonly known: Difference
  /** Of the slower to the unknown: its interval leaves out one of a million. */
  readonly slower: Difference
}

/** Two-sided, for 1e-4 and for 1e-6. */
const zOfKnown = 3.8906
const zOfSlower = 4.8916

const warmUp = 3

interface Patience {
  /** So much more is tried to be seen, the least first. */
  readonly slowerByMs: readonly number[]
  readonly roundsAtOnce: number
  /** For each of `slowerByMs`. */
  readonly stretchesMax: number
}

/**
 * Goes on, by turns in an order of chance, until the slower is seen for certain, and half as much would be, too. A busy
 * machine takes longer; one that is too busy for `stretchesMax` sees only more.
 * @param begin new arms for the next stretch, of which each is asked `roundsAtOnce` times and a few more
 * @throws {Error} if not even the slowest can be seen
 */
export async function compareTimes(
  begin: () => Promise<Arms>,
  { slowerByMs, roundsAtOnce, stretchesMax }: Patience,
): Promise<Comparison> {
  const ofKnown: number[] = []
  for (const byMs of slowerByMs) {
    const ofSlower: number[] = []
    for (let stretch = 0; stretch < stretchesMax; stretch += 1) {
      const arms = await begin()
      for (let n = -warmUp; n < roundsAtOnce; n += 1) {
        const { known, unknown, slower } = await round(arms, n + warmUp, byMs)
        if (n < 0) continue
        ofKnown.push(known - unknown)
        ofSlower.push(slower - unknown)
      }
      const [known, slower] = [difference(ofKnown, zOfKnown), difference(ofSlower, zOfSlower)]
      if (slower.lowMs > 0 && known.highMs - known.lowMs < byMs)
        return { rounds: ofKnown.length, slowerByMs: byMs, known, slower }
    }
  }
  throw new Error(`not even ${slowerByMs.at(-1)} ms more can be seen: the machine is too busy to tell`)
}

/** One after the other in an order of chance: whatever else the machine does meets all alike. */
async function round(
  arms: Arms,
  n: number,
  byMs: number,
): Promise<Readonly<Record<'known' | 'unknown' | 'slower', number>>> {
  const took = { known: 0, unknown: 0, slower: 0 }
  const left: (keyof Arms)[] = ['known', 'unknown', 'slower']
  while (left.length > 0)
    for (const name of left.splice(randomInt(left.length), 1)) took[name] = await arms[name](n, byMs)
  return took
}

/** Can be told apart: no chance, or as much as half of what was seen for certain. */
export function isTold({ known, slowerByMs: byMs }: Comparison): boolean {
  return known.lowMs > 0 || known.highMs < 0 || Math.abs(known.medianMs) >= byMs / 2
}

/** Of pairs, from the mean of each two of them; by the normal approximation, good from some twenty pairs on. */
function difference(pairs: readonly number[], z: number): Difference {
  const n = pairs.length
  const means = new Float64Array((n * (n + 1)) / 2)
  let filled = 0
  for (let i = 0; i < n; i += 1)
    for (let j = i; j < n; j += 1) means[filled++] = ((pairs[i] ?? 0) + (pairs[j] ?? 0)) / 2
  means.sort()
  const middle = (n * (n + 1)) / 4
  const reach = z * Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24)
  const at = (rank: number) => means[Math.min(means.length - 1, Math.max(0, Math.floor(rank)))] ?? 0
  return { lowMs: at(middle - reach), medianMs: at(middle), highMs: at(middle + reach) }
}
