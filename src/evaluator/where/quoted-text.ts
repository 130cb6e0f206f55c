import type { Cursor } from './cursor.ts'

/** By the quote that opens, the two that close, the usual one first. A word processor writes the typographic ones. */
const closing: ReadonlyMap<number, readonly [number, number]> = new Map(
  ["'''", '"""', '‘’‘', '’’‘', '“”“', '””“'].map((quotes) => [
    quotes.charCodeAt(0),
    [quotes.charCodeAt(1), quotes.charCodeAt(2)],
  ]),
)

export function isQuote(code: number): boolean {
  return closing.has(code)
}

/** Reads a text in quotes, from its opening quote on. A closing quote is written twice to stand for itself. */
export function readQuotedText(cursor: Cursor): string {
  const start = cursor.offset
  const open = cursor.code
  const [usual, other] = closing.get(open) ?? [open, open]
  cursor.takes(open)
  let text = cursor.takeUntil(usual, other)
  for (;;) {
    const close = cursor.code
    if (!cursor.takes(close))
      cursor.refuse(start, 'the text is not closed', `write ${String.fromCharCode(usual)} where it ends`)
    if (!cursor.takes(close)) return text
    text += String.fromCharCode(close) + cursor.takeUntil(usual, other)
  }
}

/** The one spelling of a text. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
