import { didYouMean } from '../nearest.ts'
import type { Variable } from './condition.ts'
import { Cursor } from './cursor.ts'
import { decimalOf } from './decimal.ts'
import { isQuote, quoted, readQuotedText } from './quoted-text.ts'
import { isNameCharacter, readVariable } from './variable-name.ts'

/** Read in any letter case. */
const keywords = ['AND', 'OR', 'NOT', 'IN', 'LIKE', 'BETWEEN', 'IS', 'NULL', 'TRUE', 'FALSE'] as const
export type Keyword = (typeof keywords)[number]

const symbols = ['(', ')', ',', '=', '!=', '<>', '<', '<=', '>', '>='] as const
export type Symbol = (typeof symbols)[number]

export type Token = { readonly offset: number } & (
  | { readonly kind: 'keyword'; readonly keyword: Keyword }
  | { readonly kind: 'symbol'; readonly symbol: Symbol }
  | { readonly kind: 'text' | 'number'; readonly text: string }
  | { readonly kind: 'variable'; readonly variable: Variable }
  | { readonly kind: 'end' }
)

/** What other languages write, and what is written here. */
const foreign: ReadonlyMap<string, string> = new Map([
  ['!', 'write NOT, or != between two operands'],
  ['&', 'write AND'],
  ['|', 'write OR'],
  ['≠', 'write !='],
  ['≤', 'write <='],
  ['≥', 'write >='],
  ['`', 'write texts in quotes: '.concat("'dev'")],
])

/** The tokens of a text, one at a time and each once: the one that the parser looks at is all that is kept. */
export class Tokens {
  readonly cursor: Cursor
  current: Token

  constructor(text: string) {
    this.cursor = new Cursor(text)
    this.current = { kind: 'end', offset: 0 }
  }

  /** Goes on to the next token. Answers the one that was looked at until now. */
  advance(): Token {
    const before = this.current
    this.current = readToken(this.cursor)
    return before
  }

  /** Goes past the token that is looked at, if it is this keyword. */
  takesKeyword(keyword: Keyword): boolean {
    if (this.current.kind !== 'keyword' || this.current.keyword !== keyword) return false
    this.advance()
    return true
  }

  takesSymbol(symbol: Symbol): boolean {
    if (this.current.kind !== 'symbol' || this.current.symbol !== symbol) return false
    this.advance()
    return true
  }

  /** Ends the reading: something else should stand here. */
  refuse(wanted: string, fix: string): never {
    return this.cursor.refuse(this.current.offset, `${wanted} should stand here, not ${this.#found()}`, fix)
  }

  #found(): string {
    const { offset, kind } = this.current
    if (kind === 'end') return 'the end'
    const written = this.cursor.text.slice(offset, this.cursor.offset)
    return written.length > 40 ? `${written.slice(0, 40).toWellFormed()}…` : written
  }
}

function readToken(cursor: Cursor): Token {
  cursor.takeWhile(isSpace)
  const { offset, character } = cursor
  if (character === '') return { kind: 'end', offset }
  if (character === '$') return { kind: 'variable', offset, variable: readVariable(cursor) }
  if (isQuote(character)) return { kind: 'text', offset, text: readQuotedText(cursor) }
  if (isWordCharacter(character)) return readWord(cursor)
  return { kind: 'symbol', offset, symbol: readSymbol(cursor) }
}

/** The no-break space comes along when a condition is copied from a page. */
function isSpace(character: string): boolean {
  return ' \t\n\r\u00a0'.includes(character)
}

function isWordCharacter(character: string): boolean {
  return character === '+' || isNameCharacter(character)
}

/** A keyword or a number: what both are made of is read to its end first, so that `10MB` is not `10` and a word. */
function readWord(cursor: Cursor): Token {
  const { offset } = cursor
  const word = cursor.takeWhile(isWordCharacter)
  if (/^[\d+.-]/.test(word)) {
    if (decimalOf(word) === undefined) refuseNumber(cursor, offset, word)
    return { kind: 'number', offset, text: word }
  }
  const keyword = keywords.find((one) => /^[A-Za-z]+$/.test(word) && one === word.toUpperCase())
  if (keyword !== undefined) return { kind: 'keyword', offset, keyword }
  const shown = word.slice(0, 40).toWellFormed()
  const fix = didYouMean(word, keywords) ?? `write texts in quotes: ${quoted(shown)}`
  return cursor.refuse(offset, `${shown} is not a word of conditions`, fix)
}

function refuseNumber(cursor: Cursor, offset: number, word: string): never {
  const shown = word.slice(0, 40).toWellFormed()
  const fix = `write it like 7, -0.5 or 1e3; in quotes if it is a text: ${quoted(shown)}`
  return cursor.refuse(offset, `${shown} is not a number`, fix)
}

function readSymbol(cursor: Cursor): Symbol {
  const { offset, character } = cursor
  cursor.takes(character)
  const next = cursor.character
  if (character === '=' && next === '=')
    cursor.refuse(offset, '== is not a sign of conditions', 'write one =')
  const long = symbols.find((symbol) => symbol === character + next && symbol.length === 2)
  if (long !== undefined) cursor.takes(next)
  const symbol = long ?? symbols.find((one) => one === character)
  if (symbol !== undefined) return symbol
  const fix = foreign.get(character) ?? "write it within quotes, in a name as well: $resourceTags:'a/b'"
  return cursor.refuse(offset, `${character} is not a sign of conditions`, fix)
}
