import { kindsAt } from './character-kind.ts'
import type { ConditionFault } from './condition.ts'

/** Ends the reading of a condition: what follows the fault cannot be made out. Never leaves `parseCondition`. */
export class UnreadableCondition extends Error {}

/** No character's code. */
export const endOfText = -1

/** Faults beyond these are not told: the author has enough to do. */
const faultsMax = 10

/** Where the reading of a condition's text stands, and what was found wrong so far. Only ever goes forward. */
export class Cursor {
  readonly text: string
  readonly faults: ConditionFault[] = []
  offset = 0

  constructor(text: string) {
    this.text = text
  }

  /** The character here as its code point; `endOfText` at the end. */
  get code(): number {
    return this.text.codePointAt(this.offset) ?? endOfText
  }

  /** Goes past the character here, if it is this one, which is of one code unit. */
  takes(code: number): boolean {
    if (this.text.charCodeAt(this.offset) !== code) return false
    this.offset++
    return true
  }

  /** Goes past the characters from here on that are of a kind. */
  passKind(kind: number): void {
    const { text } = this
    let offset = this.offset
    while (offset < text.length) {
      const code = text.codePointAt(offset) ?? 0
      if ((kindsAt(code) & kind) === 0) break
      offset += code > 0xffff ? 2 : 1
    }
    this.offset = offset
  }

  /** Goes past the characters from here on that are of a kind, and answers them. */
  takeKind(kind: number): string {
    const start = this.offset
    this.passKind(kind)
    return this.text.slice(start, this.offset)
  }

  /** Goes on to the first of two characters of one code unit each, or to the end, and answers what is before it. */
  takeUntil(code: number, other: number): string {
    const { text, offset: start } = this
    let offset = start
    for (; offset < text.length; offset++) {
      const next = text.charCodeAt(offset)
      if (next === code || next === other) break
    }
    this.offset = offset
    return text.slice(start, offset)
  }

  /** Notes a fault after which reading can go on. */
  report(offset: number, message: string, fix: string): void {
    this.faults.push({ offset, message, fix })
    if (this.faults.length >= faultsMax) throw new UnreadableCondition(message)
  }

  /** Notes a fault and ends the reading. */
  refuse(offset: number, message: string, fix: string): never {
    this.report(offset, message, fix)
    throw new UnreadableCondition(message)
  }
}
