import { DomainError } from '../errors.ts'
import { jsonPointer } from './json-pointer.ts'

/** An object or array that is open where the scan stands. */
interface Open {
  /** Names seen so far; absent in an array. */
  readonly names?: Set<string>
  /** The member or index under way. */
  at: string | number
}

/**
 * Looks through JSON text once, before it is parsed, for what `JSON.parse` lets through.
 * Text that is not JSON passes unseen: the parser will say so.
 * @throws {DomainError} `body_too_deep`; `invalid_request` for a member named twice (RFC 8259 §4: which one counts is
 * anybody's guess, so two readers may differ) and for `__proto__`
 */
export function scanJson(text: string, depthMax: number): void {
  const open: Open[] = []
  for (let i = 0; i < text.length; i++) {
    const innermost = open.at(-1)
    switch (text[i]) {
      case '{':
        open.push({ names: new Set(), at: '' })
        break
      case '[':
        open.push({ at: 0 })
        break
      case '}':
      case ']':
        open.pop()
        break
      case ',':
        if (typeof innermost?.at === 'number') innermost.at++
        break
      case '"': {
        const end = endOfString(text, i)
        if (innermost?.names !== undefined && isNameEnd(text, end)) enterMember(open, text.slice(i, end))
        i = end - 1
        break
      }
    }
    if (open.length > depthMax) throw tooDeep(depthMax)
  }
}

function tooDeep(depthMax: number): DomainError {
  return new DomainError('body_too_deep', `The body is nested deeper than ${depthMax} levels.`, {
    fix: 'Send a flatter body.',
  })
}

/** The place after the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text[quote - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return quote + 1
  }
  return text.length
}

function isNameEnd(text: string, end: number): boolean {
  let i = end
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++
  return text[i] === ':'
}

function enterMember(open: readonly Open[], quoted: string): void {
  const innermost = open.at(-1)
  const name = unquoted(quoted)
  if (innermost?.names === undefined || name === undefined) return
  innermost.at = name
  if (name === '__proto__') throw refusedMember(open, 'no body here has a member of this name')
  if (innermost.names.has(name)) throw refusedMember(open, 'this member is there twice')
  innermost.names.add(name)
}

function unquoted(quoted: string): string | undefined {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return String(JSON.parse(quoted))
  } catch {
    // Not JSON: the parser refuses the whole text with a better word than this scan could find.
    return undefined
  }
}

function refusedMember(open: readonly Open[], detail: string): DomainError {
  const pointer = jsonPointer(open.map((one) => one.at))
  return new DomainError('invalid_request', 'The body has a member that cannot be read safely.', {
    faults: [{ pointer, detail, fix: 'Take it out.' }],
  })
}
