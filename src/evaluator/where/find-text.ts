/** Up to this many comparisons at the most, the engine's own search is quicker than any table. */
const productMax = 65_536

/**
 * Finds a text within others in a time that grows with their length alone (Knuth, Morris, Pratt). The engine's search
 * grows with the product at worst: a body of a megabyte and a pattern made for it would hold a process for seconds.
 */
export function finderOf(part: string): (text: string) => boolean {
  let borders: Uint16Array | undefined
  return (text) => {
    if (text.length * part.length <= productMax) return text.includes(part)
    borders ??= bordersOf(part)
    return occurs(part, borders, text)
  }
}

/** For each beginning of the text, how long its longest proper beginning is that it also ends with. */
function bordersOf(part: string): Uint16Array {
  const borders = new Uint16Array(part.length)
  let length = 0
  for (let i = 1; i < part.length; i++) {
    const code = part.charCodeAt(i)
    while (length > 0 && part.charCodeAt(length) !== code) length = borders[length - 1] ?? 0
    if (part.charCodeAt(length) === code) length++
    borders[i] = length
  }
  return borders
}

function occurs(part: string, borders: Uint16Array, text: string): boolean {
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    while (length > 0 && part.charCodeAt(length) !== code) length = borders[length - 1] ?? 0
    if (part.charCodeAt(length) === code) length++
    if (length === part.length) return true
  }
  return false
}
