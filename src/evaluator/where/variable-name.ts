import { didYouMean } from '../nearest.ts'
import { letter, nameCharacter } from './character-kind.ts'
import {
  type PrincipalName,
  principalNames,
  type RequestPlace,
  type RequestVariable,
  requestPlaces,
  type Variable,
} from './condition.ts'
import type { Cursor } from './cursor.ts'
import { isQuote, quoted, readQuotedText } from './quoted-text.ts'

/** Also read: the kinds in the singular, as documentation elsewhere spells them. */
const kinds: ReadonlyMap<string, Variable['of']> = new Map([
  ['resourceTags', 'resourceTags'],
  ['resourceTag', 'resourceTags'],
  ['principalTags', 'principalTags'],
  ['principalTag', 'principalTags'],
  ['request', 'request'],
  ['principal', 'principal'],
])
const kindsToWrite = '$resourceTags, $principalTags, $request or $principal'

interface Name {
  readonly text: string
  /** Never the name of a place of the request. */
  readonly isQuoted: boolean
}

const colon = 0x3a
export const dollar = 0x24

/** Reads a variable, from its `$` on. */
export function readVariable(cursor: Cursor): Variable {
  const start = cursor.offset
  cursor.takes(dollar)
  const word = cursor.takeKind(letter)
  const kind = kinds.get(word)
  if (kind === undefined) {
    const meant = didYouMean(word, new Set(kinds.values()))
    const fix = meant?.replace('mean ', 'mean $') ?? `write ${kindsToWrite}`
    cursor.report(start, `there is no variable $${word.slice(0, 40)}`, fix)
  }
  const names = readNames(cursor, start)
  return variable(cursor, start, kind ?? 'resourceTags', names)
}

function readNames(cursor: Cursor, start: number): readonly Name[] {
  const names: Name[] = []
  while (cursor.takes(colon)) names.push(readName(cursor))
  if (names.length === 0)
    cursor.refuse(start, 'the variable has no name', 'write a colon and the name: $resourceTags:env')
  return names
}

function readName(cursor: Cursor): Name {
  const start = cursor.offset
  const isQuoted = isQuote(cursor.code)
  const text = isQuoted ? readQuotedText(cursor) : cursor.takeKind(nameCharacter)
  if (text === '')
    cursor.refuse(start, 'a name is missing after the colon', "write it, in quotes if need be: 'cost centre'")
  return { text, isQuoted }
}

function variable(cursor: Cursor, start: number, of: Variable['of'], names: readonly Name[]): Variable {
  switch (of) {
    case 'resourceTags':
    case 'principalTags':
      return { of, key: names.length === 1 ? (names[0]?.text ?? '') : joinedNames(names) }
    case 'principal':
      return { of, name: principalName(cursor, start, names) }
    case 'request':
      return requestVariable(cursor, start, names)
    default:
      throw new Error(`unknown kind: ${of satisfies never}`)
  }
}

function joinedNames(names: readonly Name[]): string {
  return names.map(({ text }) => text).join(':')
}

function principalName(cursor: Cursor, start: number, names: readonly Name[]): PrincipalName {
  const text = joinedNames(names)
  const known = principalNames.find((name) => name === text)
  if (known !== undefined) return known
  const fix = didYouMean(text, principalNames) ?? `write ${principalNames.join(', ')}, or $principalTags`
  cursor.report(start, `$principal has no ${quoted(text.slice(0, 40))}`, fix)
  return 'id'
}

function requestVariable(cursor: Cursor, start: number, names: readonly Name[]): RequestVariable {
  const path = names.map(({ text }) => text)
  const [first] = names
  const from = names.length === 1 || first?.isQuoted === true ? undefined : requestPlace(first?.text)
  if (from === undefined) return { of: 'request', path }
  // A parameter of the query may have members (`deepObject`), which the document knows.
  if (from === 'path' && path.length > 2)
    cursor.report(
      start,
      'a parameter of the path has one name',
      `write ${printVariable({ of: 'request', path, from: 'body' })} if it is a field of the body`,
    )
  return { of: 'request', path: path.slice(1), from }
}

function requestPlace(text: string | undefined): RequestPlace | undefined {
  return requestPlaces.find((place) => place === text)
}

/** The one spelling of a variable. */
export function printVariable(of: Variable): string {
  switch (of.of) {
    case 'resourceTags':
    case 'principalTags': {
      const names = of.key.split(':')
      return `$${of.of}:${names.every(isBare) ? of.key : quoted(of.key)}`
    }
    case 'principal':
      return `$principal:${of.name}`
    case 'request': {
      const [first = '', ...rest] = of.path
      const isMistakable = of.from === undefined && rest.length > 0 && requestPlace(first) !== undefined
      const names = [isMistakable ? quoted(first) : printName(first), ...rest.map(printName)]
      return ['$request', ...(of.from === undefined ? [] : [of.from]), ...names].join(':')
    }
    default:
      throw new Error(`unknown variable: ${of satisfies never}`)
  }
}

function printName(name: string): string {
  return isBare(name) ? name : quoted(name)
}

function isBare(name: string): boolean {
  return /^[\p{L}\p{M}\p{N}_.-]+$/u.test(name)
}
