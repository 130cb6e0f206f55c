/** Longer names than this are not compared: the work grows with the square of the length. */
const lengthMax = 200

/** The candidate that was most likely meant, if any is near: at most a third of its characters differ, rounded up, so that two letters of a short name may be swapped. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  if (text.length > lengthMax) return undefined
  const written = text.toLowerCase()
  let best: { readonly candidate: string; readonly distance: number } | undefined
  for (const candidate of candidates) {
    const allowed = Math.ceil(Math.max(candidate.length, text.length) / 3)
    const bound = Math.min(allowed, (best?.distance ?? Number.POSITIVE_INFINITY) - 1)
    if (candidate.length > lengthMax || Math.abs(candidate.length - text.length) > bound) continue
    const distance = editDistance(written, candidate.toLowerCase(), bound)
    if (distance <= bound) best = { candidate, distance }
  }
  return best?.candidate
}

/** "Did you mean …?", where something is near enough to be meant. */
export function didYouMean(text: string, candidates: Iterable<string>): string | undefined {
  const meant = nearest(text, candidates)
  return meant === undefined ? undefined : `did you mean ${meant}?`
}

/**
 * Levenshtein's distance: insertions, deletions and replacements of one character. Where it is above the bound, the answer
 * is too, and comes sooner: most candidates are nowhere near.
 */
function editDistance(a: string, b: string, bound: number): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  let row = Array.from({ length: b.length + 1 }, () => 0)
  for (let i = 1; i <= a.length; i++) {
    // Farther from the diagonal than the bound, nothing is within it.
    const [from, to] = [Math.max(1, i - bound), Math.min(b.length, i + bound)]
    row[from - 1] = from === 1 ? i : bound + 1
    let least = row[from - 1] ?? 0
    for (let j = from; j <= to; j++) {
      const replaced = (above[j - 1] ?? 0) + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1)
      const cost = Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      row[j] = cost
      if (cost < least) least = cost
    }
    if (to < b.length) row[to + 1] = bound + 1
    if (least > bound) return least
    ;[above, row] = [row, above]
  }
  return above[b.length] ?? 0
}
