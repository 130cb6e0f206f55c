import type { Fault } from '../errors.ts'
import { pointerPart } from './fault-list.ts'

interface OpenValue {
  readonly pointer: string
  /** Of an object: the keys seen so far. Of a list: absent. */
  readonly keys?: Set<string>
  /** Of a list: the index of the item under way. */
  index: number
  /** Of an object: the key under way, once it is read. */
  key?: string
}

/**
 * What `JSON.parse` does not tell of a text that it accepts: how deep it goes, and keys that stand twice in one object
 * (of which it would quietly keep the last). One pass, without recursion.
 *
 * @param depthMax scanning ends where the text goes deeper; that is the only fault then
 */
export function scanJson(text: string, depthMax: number): readonly Fault[] {
  const faults: Fault[] = []
  const open: OpenValue[] = []
  for (let at = 0; at < text.length; at++) {
    const inside = open.at(-1)
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
      case 0x5b: // [
        if (open.length >= depthMax)
          return [{ pointer: '', detail: `nested deeper than ${depthMax}`, fix: 'flatten the document' }]
        open.push({ pointer: under(inside), index: 0, ...(text[at] === '{' ? { keys: new Set() } : {}) })
        break
      case 0x7d: // }
      case 0x5d: // ]
        open.pop()
        break
      case 0x2c: // ,
        if (inside !== undefined) {
          inside.index++
          delete inside.key
        }
        break
      case 0x22: {
        const end = endOfString(text, at)
        if (inside?.keys !== undefined && inside.key === undefined)
          noteKey(inside, text.slice(at, end + 1), faults)
        at = end
        break
      }
      default:
    }
  }
  return faults
}

function under(inside: OpenValue | undefined): string {
  if (inside === undefined) return ''
  return `${inside.pointer}/${pointerPart(inside.key ?? inside.index)}`
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x5c) at++
    else if (code === 0x22) return at
  }
  return text.length
}

function noteKey(inside: OpenValue, literal: string, faults: Fault[]): void {
  const key = literal.includes('\\') ? unescaped(literal) : literal.slice(1, -1)
  inside.key = key
  if (inside.keys?.has(key))
    faults.push({ pointer: under(inside), detail: `the key ${key} stands twice`, fix: 'keep one of them' })
  inside.keys?.add(key)
}

function unescaped(literal: string): string {
  const value: unknown = JSON.parse(literal)
  return typeof value === 'string' ? value : literal
}
