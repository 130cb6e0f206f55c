import type { ConditionFault } from './condition.ts'

/** Ends the reading of a condition: what follows the fault cannot be made out. Never leaves `parseCondition`. */
export class UnreadableCondition extends Error {}

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

  /** The character here, in one or two code units; `''` at the end. */
  get character(): string {
    const code = this.text.codePointAt(this.offset)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  /** Goes past the character here, if it is this one. */
  takes(character: string): boolean {
    if (this.character !== character) return false
    this.offset += character.length
    return true
  }

  /** Goes past the characters from here on that belong, and answers them. */
  takeWhile(belongs: (character: string) => boolean): string {
    const start = this.offset
    for (let next = this.character; next !== '' && belongs(next); next = this.character)
      this.offset += next.length
    return this.text.slice(start, this.offset)
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
