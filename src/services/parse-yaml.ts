import { Composer, type CST, Lexer, LineCounter, Parser } from 'yaml'
import type { Fault } from '../errors.ts'

/** An alias may stand for so much, counted with what it contains: enough for people, too little for a billion laughs. */
const aliasCountMax = 100

/** So many places where the syntax is broken are told of: one mistake breaks much of what follows it. */
const syntaxFaultsMax = 100

type ParsedYaml =
  | { readonly kind: 'read'; readonly value: unknown }
  | { readonly kind: 'too_deep' }
  | { readonly kind: 'refused'; readonly faults: readonly Fault[] }

/** Reads YAML 1.2 with JSON's types. Refused: duplicate keys, aliases that multiply, several documents, too deep. */
export function parseYaml(text: string, depthMax: number): ParsedYaml {
  const lines = new LineCounter()
  const tokens = tokensOf(text, depthMax, lines)
  if (tokens === undefined) return { kind: 'too_deep' }
  const [document, second] = new Composer({ version: '1.2', merge: true, uniqueKeys: true }).compose(tokens)
  if (document === undefined) return refused({ pointer: '', detail: 'the document is empty' })
  if (second !== undefined)
    return refused({ pointer: '', detail: 'several YAML documents in one', fix: 'send one, without ---' })
  if (document.errors.length > 0)
    return refused(...document.errors.slice(0, syntaxFaultsMax).map((error) => syntaxFault(error, lines)))
  try {
    const value: unknown = document.toJS({ maxAliasCount: aliasCountMax })
    return isDeeper(value, depthMax) ? { kind: 'too_deep' } : { kind: 'read', value }
  } catch (cause) {
    // The library throws a ReferenceError for aliases that multiply or name no anchor; anything else is not of the text.
    if (!(cause instanceof ReferenceError)) throw cause
    return refused({
      pointer: '',
      detail: `YAML aliases: ${cause.message}`,
      fix: 'write the parts out, or $ref',
    })
  }
}

function refused(...faults: readonly Fault[]): ParsedYaml {
  return { kind: 'refused', faults }
}

/** Aliases within aliases make the value deeper than the text. */
function isDeeper(value: unknown, depthMax: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return true
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
  return false
}

/** The parser keeps a stack and does not recurse; the composer after it does, so depth is bounded here. */
function tokensOf(text: string, depthMax: number, lines: LineCounter): readonly CST.Token[] | undefined {
  const parser = new Parser(lines.addNewLine)
  const tokens: CST.Token[] = []
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    // Besides its collections the stack holds the document and the scalar under way.
    if (parser.stack.length > depthMax + 2) return undefined
  }
  for (const token of parser.end()) tokens.push(token)
  return tokens
}

function syntaxFault(
  error: { readonly code: string; readonly message: string; readonly pos: readonly [number, number] },
  lines: LineCounter,
): Fault {
  const { line, col } = lines.linePos(error.pos[0])
  const what = error.code === 'DUPLICATE_KEY' ? 'a key stands twice' : (error.message.split('\n')[0] ?? '')
  return { pointer: '', detail: `line ${line}, column ${col}: ${what}` }
}
