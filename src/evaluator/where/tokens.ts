import { didYouMean } from '../nearest.ts'
import { kindsAt, space, wordCharacter } from './character-kind.ts'
import type { Variable } from './condition.ts'
import { Cursor, endOfText } from './cursor.ts'
import { decimalOf } from './decimal.ts'
import { isQuote, quoted, readQuotedText } from './quoted-text.ts'
import { dollar, readVariable } from './variable-name.ts'

/** Read in any letter case. */
const keywords = ['AND', 'OR', 'NOT', 'IN', 'LIKE', 'BETWEEN', 'IS', 'NULL', 'TRUE', 'FALSE'] as const
export type Keyword = (typeof keywords)[number]

const keywordsByName: ReadonlyMap<string, Keyword> = new Map(keywords.map((keyword) => [keyword, keyword]))

const symbols = ['(', ')', ',', '=', '!=', '<>', '<', '<=', '>', '>='] as const
export type Symbol = (typeof symbols)[number]

const symbolsByText: ReadonlyMap<string, Symbol> = new Map(symbols.map((symbol) => [symbol, symbol]))

/** Each is made with the same members in the same order: the engine then reads all alike, and conditions are many. */
export type Token = { readonly offset: number } & (
  | { readonly kind: 'keyword'; readonly text: Keyword; readonly variable: undefined }
  | { readonly kind: 'symbol'; readonly text: Symbol; readonly variable: undefined }
  | { readonly kind: 'text' | 'number' | 'end'; readonly text: string; readonly variable: undefined }
  | { readonly kind: 'variable'; readonly text: ''; readonly variable: Variable }
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
    this.current = { offset: 0, kind: 'end', text: '', variable: undefined }
  }

  /** Goes on to the next token. Answers the one that was looked at until now. */
  advance(): Token {
    const before = this.current
    this.current = readToken(this.cursor)
    return before
  }

  /** Goes past the token that is looked at, if it is this keyword. */
  takesKeyword(keyword: Keyword): boolean {
    if (this.current.kind !== 'keyword' || this.current.text !== keyword) return false
    this.advance()
    return true
  }

  takesSymbol(symbol: Symbol): boolean {
    if (this.current.kind !== 'symbol' || this.current.text !== symbol) return false
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
  cursor.passKind(space)
  const { offset, code } = cursor
  if (code === endOfText) return { offset, kind: 'end', text: '', variable: undefined }
  if (code === dollar) return { offset, kind: 'variable', text: '', variable: readVariable(cursor) }
  if ((kindsAt(code) & wordCharacter) !== 0) return readWord(cursor)
  if (isQuote(code)) return { offset, kind: 'text', text: readQuotedText(cursor), variable: undefined }
  return { offset, kind: 'symbol', text: readSymbol(cursor), variable: undefined }
}

/** A keyword or a number: what both are made of is read to its end first, so that `10MB` is not `10` and a word. */
function readWord(cursor: Cursor): Token {
  const { offset } = cursor
  const word = cursor.takeKind(wordCharacter)
  if (/^[\d+.-]/.test(word)) {
    if (decimalOf(word) === undefined) refuseNumber(cursor, offset, word)
    return { offset, kind: 'number', text: word, variable: undefined }
  }
  const keyword = keywordOf(word)
  if (keyword !== undefined) return { offset, kind: 'keyword', text: keyword, variable: undefined }
  const shown = word.slice(0, 40).toWellFormed()
  const fix = didYouMean(word, keywords) ?? `write texts in quotes: ${quoted(shown)}`
  return cursor.refuse(offset, `${shown} is not a word of conditions`, fix)
}

/** No letter but those of ASCII is another's capital here: `ı` makes no `I`. */
function keywordOf(word: string): Keyword | undefined {
  const known = keywordsByName.get(word)
  if (known !== undefined || !/^[A-Za-z]+$/.test(word)) return known
  return keywordsByName.get(word.toUpperCase())
}

function refuseNumber(cursor: Cursor, offset: number, word: string): never {
  const shown = word.slice(0, 40).toWellFormed()
  const fix = `write it like 7, -0.5 or 1e3; in quotes if it is a text: ${quoted(shown)}`
  return cursor.refuse(offset, `${shown} is not a number`, fix)
}

function readSymbol(cursor: Cursor): Symbol {
  const { offset, code } = cursor
  const two = cursor.text.slice(offset, offset + 2)
  if (two === '==') cursor.refuse(offset, '== is not a sign of conditions', 'write one =')
  const symbol = symbolsByText.get(two) ?? symbolsByText.get(two.charAt(0))
  if (symbol !== undefined) {
    cursor.offset += symbol.length
    return symbol
  }
  const character = String.fromCodePoint(code)
  const fix = foreign.get(character) ?? "write it within quotes, in a name as well: $resourceTags:'a/b'"
  return cursor.refuse(offset, `${character} is not a sign of conditions`, fix)
}
