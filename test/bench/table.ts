/** One line of the report: what was measured, under which conditions, and the bar that it is held to, if there is one. */
export interface Row {
  readonly what: string
  readonly figure: string
  readonly bar?: string
  readonly met?: boolean
}

export function printTable(rows: readonly Row[]): void {
  const cells = rows.map(({ what, figure, bar = '', met }) => [
    what,
    figure,
    bar,
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ])
  const header = ['what', 'measured', 'bar', '']
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  console.log(line(header))
  console.log(line(widths.map((width) => '-'.repeat(width))))
  for (const row of cells) console.log(line(row))
}

/** The value below which a share of the samples lies; the samples need no order. */
export function quantile(samples: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(samples).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}
