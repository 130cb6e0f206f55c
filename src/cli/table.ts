import { stripVTControlCharacters } from 'node:util'

export interface Column {
  readonly title: string
  /** Never cut, however narrow the terminal: ids are there to be copied. */
  readonly whole?: boolean
}

const gap = 2
const narrowest = 8

/**
 * Lines of a table, the titles first. Columns that need not be whole are cut, widest first, until it fits.
 * @param width in terminal cells; `undefined`: nothing is cut
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): readonly string[] {
  const cells = [columns.map(({ title }) => title.toUpperCase()), ...rows].map((row) => row.map(printable))
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => cellsOf(row[i] ?? ''))))
  if (width !== undefined) shrink(widths, columns, width)
  return cells.map((row) =>
    row
      .map((text, i) => pad(cut(text, widths[i] ?? 0), widths[i] ?? 0))
      .join(' '.repeat(gap))
      .trimEnd(),
  )
}

/** Text from others, safe to print: escape sequences and control characters could rewrite the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}|\p{Bidi_Control}/gu, ' ')
}

function shrink(widths: number[], columns: readonly Column[], width: number): void {
  const flexible = widths.map((_, i) => i).filter((i) => columns[i]?.whole !== true)
  const total = () => widths.reduce((sum, one) => sum + one, 0) + gap * (widths.length - 1)
  while (total() > width) {
    const widest = flexible.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a), flexible[0] ?? 0)
    if (flexible.length === 0 || (widths[widest] ?? 0) <= narrowest) return
    widths[widest] = (widths[widest] ?? 0) - 1
  }
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
// East Asian wide characters and emoji take two cells; close enough to keep columns straight.
const wide =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

function cellsOf(text: string): number {
  let cells = 0
  for (const { segment } of graphemes.segment(text)) cells += wide.test(segment) ? 2 : 1
  return cells
}

function cut(text: string, width: number): string {
  if (cellsOf(text) <= width) return text
  let kept = ''
  for (const { segment } of graphemes.segment(text)) {
    if (cellsOf(kept + segment) > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - cellsOf(text)))
}
