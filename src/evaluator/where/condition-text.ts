import { type ConditionFault, conditionBytesMax } from './condition.ts'

/** A byte each, and nothing in it that cannot be seen. */
const visibleAscii = /^[\t\n\r -~]*$/

/** What keeps a text from being read at all: its size in UTF-8, or a character that nobody can see in it. */
export function faultOfText(text: string): ConditionFault | undefined {
  if (text.trim() === '')
    return { offset: 0, message: 'the condition is empty', fix: 'leave it out where nothing is asked' }
  if (text.length <= conditionBytesMax && visibleAscii.test(text)) return undefined
  let bytes = 0
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.codePointAt(offset) ?? 0
    if (isInvisible(code))
      return {
        offset,
        message: `the character U+${code.toString(16).toUpperCase().padStart(4, '0')} cannot be seen`,
        fix: 'take it out',
      }
    bytes += bytesOf(code)
    if (bytes > conditionBytesMax) return tooLong(offset)
    if (code > 0xffff) offset++
  }
  return undefined
}

/** The same bound for the one spelling, which is what is kept and read again: spaces may have made it longer. */
export function faultOfPrinted(printed: string): ConditionFault | undefined {
  return faultOfText(printed) === undefined ? undefined : tooLong(0, ' with a space around each sign')
}

function tooLong(offset: number, how = ''): ConditionFault {
  return {
    offset,
    message: `the condition is longer than ${conditionBytesMax} bytes of UTF-8${how}`,
    fix: 'make it several statements, or put the list of values into a tag',
  }
}

/** Control characters but for tab and line end; half a character; those that turn the direction of what follows. */
function isInvisible(code: number): boolean {
  if (code < 0x20) return code !== 0x09 && code !== 0x0a && code !== 0x0d
  if (code < 0x7f) return false
  return (
    code <= 0x9f ||
    (code >= 0xd800 && code <= 0xdfff) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  )
}

function bytesOf(code: number): number {
  if (code < 0x80) return 1
  if (code < 0x800) return 2
  return code < 0x10000 ? 3 : 4
}
