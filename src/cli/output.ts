import { styleText } from 'node:util'
import { printable, tableLines } from './table.ts'

export type Item = Readonly<Record<string, unknown>>

export interface ItemPage {
  readonly items: readonly Item[]
  readonly next_cursor: string | null
}

/** Where a command's answers go: tables and sentences for people, or the API's own JSON for programs. */
export interface Output {
  readonly json: boolean
  /** One thing, all its fields. */
  show(item: Item): void
  /** Many things: for people the named fields, and `whenEmpty` if there are none. */
  list(page: ItemPage, fields: readonly string[], whenEmpty: string): void
  /** A sentence for people; programs do not see it. */
  say(text: string): void
  /** A line that is the answer itself, for people and programs alike. */
  line(text: string): void
}

export function outputTo(stream: NodeJS.WriteStream, json: boolean): Output {
  const write = (lines: readonly string[]) => stream.write(lines.map((line) => `${line}\n`).join(''))
  // `styleText` itself leaves colours out where the stream is no terminal or NO_COLOR is set.
  const quiet = (text: string) => styleText('dim', text, { stream })
  const width = stream.isTTY ? stream.columns : undefined
  return {
    json,
    show: (item) => write(json ? [toJson(item)] : recordLines(item)),
    list(page, fields, whenEmpty) {
      if (json) {
        write([toJson(page)])
        return
      }
      if (page.items.length === 0) write([page.next_cursor === null ? whenEmpty : 'Nothing so far.'])
      else {
        const columns = fields.map((name) => ({ title: titleOf(name), whole: isId(name) }))
        const rows = page.items.map((item) => fields.map((name) => textOf(item[name])))
        const [titles = '', ...lines] = tableLines(columns, rows, width)
        write([quiet(titles), ...lines])
      }
      if (page.next_cursor !== null) write([quiet(`more: --cursor ${page.next_cursor}`)])
    },
    say: (text) => {
      if (!json) write([text])
    },
    line: (text) => write([text]),
  }
}

function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2)
}

/** `field  value` lines; what is nested stands under its field's name, dotted. */
export function recordLines(item: Item): readonly string[] {
  const entries = flatten(item, '')
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries.map(([name, text]) => `${name.padEnd(width)}  ${text}`)
}

function flatten(item: Item, prefix: string): readonly (readonly [string, string])[] {
  return Object.entries(item).flatMap(([name, value]): readonly (readonly [string, string])[] => {
    const label = prefix + titleOf(name)
    if (isItem(value) && Object.keys(value).length > 0) return flatten(value, `${label}.`)
    if (Array.isArray(value) && value.some(isItem))
      return value.flatMap((one, i) =>
        isItem(one) ? flatten(one, `${label}[${i}].`) : [[`${label}[${i}]`, textOf(one)] as const],
      )
    return [[label, printable(textOf(value))]]
  })
}

export function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const titleOf = (name: string): string => name.replaceAll('_', ' ')
const isId = (name: string): boolean =>
  name === 'id' || name.endsWith('_id') || ['slug', 'target', 'by'].includes(name)
function nameOf({ name, id }: Item): string | undefined {
  return [name, id].find((one) => typeof one === 'string')
}

/** Tags, and the ids of a path: as they are given, `ward=north, ward=south`. */
function pairsOf(item: Item): string {
  const pairs = Object.entries(item).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      (one) => `${key}=${isItem(one) ? JSON.stringify(one) : textOf(one)}`,
    ),
  )
  return pairs.length === 0 ? '–' : pairs.join(', ')
}

const time = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/

/** A value as people read it: things by name or id, else as pairs; lists by commas, times without their letters, absence as a dash. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–'
  if (Array.isArray(value)) return value.length === 0 ? '–' : value.map(textOf).join(', ')
  if (isItem(value)) return nameOf(value) ?? pairsOf(value)
  const text = String(value)
  const [, day, clock] = time.exec(text) ?? []
  return day === undefined ? text : `${day} ${clock} UTC`
}
