// Levenshtein's distance is a dozen lines, and names here are short: a dependency would cost more than it saves.

const lengthMax = 64

/** The known name that is most like what was written, if any is like it at all (a third of its letters may differ). */
export function nearest(written: string, known: readonly string[]): string | undefined {
  if (written.length > lengthMax) return undefined
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const name of known) {
    const allowed = Math.ceil(Math.max(name.length, written.length) / 3)
    if (Math.abs(name.length - written.length) > Math.min(allowed, least)) continue
    const distance = levenshtein(written.toLowerCase(), name.toLowerCase())
    if (distance <= allowed && distance < least) [best, least] = [name, distance]
  }
  return best
}

/** How many letters must be put in, taken out or changed to make one of the other. */
function levenshtein(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(changed, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    above = row
  }
  return above[b.length] ?? 0
}
