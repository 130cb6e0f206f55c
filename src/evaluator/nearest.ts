/** Longer names than this are not compared: the work grows with the square of the length. */
const lengthMax = 200

/** The candidate that was most likely meant, if any is near: at most a third of its characters differ, rounded up, so that two letters of a short name may be swapped. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  if (text.length > lengthMax) return undefined
  let best: { readonly candidate: string; readonly distance: number } | undefined
  for (const candidate of candidates) {
    const allowed = Math.ceil(Math.max(candidate.length, text.length) / 3)
    const bound = Math.min(allowed, (best?.distance ?? Number.POSITIVE_INFINITY) - 1)
    if (candidate.length > lengthMax || Math.abs(candidate.length - text.length) > bound) continue
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase())
    if (distance <= bound) best = { candidate, distance }
  }
  return best?.candidate
}

/** "Did you mean …?", where something is near enough to be meant. */
export function didYouMean(text: string, candidates: Iterable<string>): string | undefined {
  const meant = nearest(text, candidates)
  return meant === undefined ? undefined : `did you mean ${meant}?`
}

/** Levenshtein's distance: insertions, deletions and replacements of one character. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    above = row
  }
  return above[b.length] ?? 0
}
