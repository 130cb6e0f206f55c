import type { Like } from './condition.ts'

type Pattern = Pick<Like, 'text' | 'match'>

/**
 * Reads a pattern of `LIKE`: `%` at either end stands for any characters, or for none. Within it stands for nothing,
 * so `\%` is the character itself, and `\\` a backslash. `_` is an underscore.
 */
export function readLikePattern(
  pattern: string,
): Pattern | { readonly message: string; readonly fix: string } {
  const isOpenBefore = pattern.startsWith('%')
  let text = ''
  for (let i = isOpenBefore ? 1 : 0; i < pattern.length; i++) {
    const character = pattern.charAt(i)
    if (character === '%') {
      if (i === pattern.length - 1) return patternOf(text, isOpenBefore, true)
      return { message: '% may stand only at an end of the pattern', fix: 'write \\% for the character %' }
    }
    if (character === '\\') {
      i++
      if (pattern[i] !== '%' && pattern[i] !== '\\')
        return {
          message: 'a backslash in a pattern stands before % or \\',
          fix: 'write \\\\ for a backslash',
        }
    }
    text += pattern.charAt(i)
  }
  return patternOf(text, isOpenBefore, false)
}

function patternOf(text: string, isOpenBefore: boolean, isOpenAfter: boolean): Pattern {
  if (isOpenBefore && (isOpenAfter || text === '')) return { text, match: 'anywhere' }
  if (isOpenBefore) return { text, match: 'end' }
  return { text, match: isOpenAfter ? 'start' : 'whole' }
}

/** The one spelling of a pattern. */
export function printLikePattern({ text, match }: Pattern): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('%', '\\%')
  switch (match) {
    case 'whole':
      return escaped
    case 'start':
      return `${escaped}%`
    case 'end':
      return `%${escaped}`
    case 'anywhere':
      return escaped === '' ? '%' : `%${escaped}%`
    default:
      throw new Error(`unknown match: ${match satisfies never}`)
  }
}
