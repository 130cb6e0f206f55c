import type { Cursor } from './cursor.ts'

/** By the quote that opens, those that close. A word processor writes the typographic ones. */
const closing: ReadonlyMap<string, string> = new Map([
  ["'", "'"],
  ['"', '"'],
  ['‘', '’‘'],
  ['’', '’‘'],
  ['“', '”“'],
  ['”', '”“'],
])

export function isQuote(character: string): boolean {
  return closing.has(character)
}

/** Reads a text in quotes, from its opening quote on. A closing quote is written twice to stand for itself. */
export function readQuotedText(cursor: Cursor): string {
  const start = cursor.offset
  const open = cursor.character
  cursor.takes(open)
  const closers = closing.get(open) ?? open
  const isWithin = (character: string) => !closers.includes(character)
  let text = cursor.takeWhile(isWithin)
  for (;;) {
    const close = cursor.character
    if (!cursor.takes(close) || close === '')
      cursor.refuse(start, 'the text is not closed', `write ${closers[0] ?? open} where it ends`)
    if (!cursor.takes(close)) return text
    text += close + cursor.takeWhile(isWithin)
  }
}

/** The one spelling of a text. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
