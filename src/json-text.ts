/** Steps from the whole value to a part of it: names of members, indexes of items. */
export type JsonPath = readonly (string | number)[]

/** A JSON pointer (RFC 6901 §3); no step is the whole. */
export function jsonPointer(...steps: readonly PropertyKey[]): string {
  return steps.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** What `JSON.parse` lets through, and two readers of one text may not agree on (RFC 8259 §4, §9). */
export type JsonFlaw =
  | { readonly kind: 'too_deep' }
  | { readonly kind: 'duplicate_member'; readonly path: JsonPath }
  /** A member named `__proto__`: harmless until something copies it. */
  | { readonly kind: 'prototype_member'; readonly path: JsonPath }

/** An object or array that is open where the scan stands. */
interface Open {
  /** Names seen so far; absent in an array. */
  readonly names?: Set<string>
  /** The member or item under way. */
  at: string | number
}

/**
 * Looks through JSON text once, without recursion, as far as it is asked; it ends at the first place that is too deep.
 * Text that is not JSON passes unseen: the parser will say so.
 * @param depthMax levels of objects and arrays within one another
 */
export function* jsonFlaws(text: string, depthMax: number): Generator<JsonFlaw, void, undefined> {
  const open: Open[] = []
  for (let i = 0; i < text.length; i++) {
    const innermost = open.at(-1)
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
        open.push({ names: new Set(), at: '' })
        break
      case 0x5b: // [
        open.push({ at: 0 })
        break
      case 0x7d: // }
      case 0x5d: // ]
        open.pop()
        break
      case 0x2c: // ,
        if (typeof innermost?.at === 'number') innermost.at++
        break
      case 0x22: {
        const end = endOfString(text, i)
        const isName = innermost?.names !== undefined && isNameEnd(text, end)
        const name = isName ? unquoted(text.slice(i, end)) : undefined
        if (name !== undefined) yield* flawOfMember(open, name)
        i = end - 1
        break
      }
    }
    if (open.length > depthMax) {
      yield { kind: 'too_deep' }
      return
    }
  }
}

/** The place after the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x5c) i++
    else if (code === 0x22) return i + 1
  }
  return text.length
}

function isNameEnd(text: string, end: number): boolean {
  let i = end
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++
  return text[i] === ':'
}

function* flawOfMember(open: readonly Open[], name: string): Generator<JsonFlaw, void, undefined> {
  const innermost = open.at(-1)
  if (innermost?.names === undefined) return
  innermost.at = name
  const path = () => open.map(({ at }) => at)
  if (name === '__proto__') yield { kind: 'prototype_member', path: path() }
  if (innermost.names.has(name)) yield { kind: 'duplicate_member', path: path() }
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
