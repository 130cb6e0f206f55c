/** Longer names than this are not compared: the work grows with the square of the length. */
const lengthMax = 200

/** The candidate that was most likely meant, if any is near: at most a third of its characters differ, rounded up. */
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
 * Insertions, deletions and replacements of one character, and swaps of two neighbours (Levenshtein's distance, with
 * Damerau's swaps of what is not changed otherwise). Where it is above the bound, the answer is too, and comes sooner:
 * most candidates are nowhere near.
 */
function editDistance(a: string, b: string, bound: number): number {
  let twoAbove: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  let row: number[] = []
  for (let i = 1; i <= a.length; i++) {
    // Farther from the diagonal than the bound, nothing is within it.
    const [from, to] = [Math.max(1, i - bound), Math.min(b.length, i + bound)]
    let left = from === 1 ? i : bound + 1
    let least = left
    row[from - 1] = left
    const letter = a.charCodeAt(i - 1)
    for (let j = from; j <= to; j++) {
      const diagonal = above[j - 1] ?? 0
      if (letter === b.charCodeAt(j - 1)) left = diagonal
      else {
        left = Math.min(diagonal, above[j] ?? 0, left) + 1
        if (isSwapped(a, i, b, j)) left = Math.min(left, (twoAbove[j - 2] ?? 0) + 1)
      }
      row[j] = left
      if (left < least) least = left
    }
    if (to < b.length) row[to + 1] = bound + 1
    if (least > bound) return least
    ;[twoAbove, above, row] = [above, row, twoAbove]
  }
  return above[b.length] ?? 0
}

/** Whether the two characters before these places are the same, the other way round. */
function isSwapped(a: string, i: number, b: string, j: number): boolean {
  if (i < 2 || j < 2) return false
  return a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1)
}
