/** What a character may stand for in a condition; a character may be several. */
export const space = 1
export const letter = 2
export const nameCharacter = 4
/** What words and numbers are made of. */
export const wordCharacter = 8

/** Letters and digits of any script, `_`, `.` and `-`. */
const inNames = /^[\p{L}\p{M}\p{N}_.-]$/u
const noBreakSpace = 0xa0

const asciiKinds = Uint8Array.from({ length: 0x80 }, (_, code) => kindsOf(String.fromCharCode(code)))

/** The kinds of a character. The no-break space comes along when a condition is copied from a page. */
export function kindsAt(code: number): number {
  if (code < asciiKinds.length) return asciiKinds[code] ?? 0
  return code === noBreakSpace ? space : kindsOf(String.fromCodePoint(code))
}

function kindsOf(character: string): number {
  if (' \t\n\r'.includes(character)) return space
  const ofLetter = /^[A-Za-z]$/.test(character) ? letter : 0
  if (inNames.test(character)) return nameCharacter | wordCharacter | ofLetter
  return character === '+' ? wordCharacter : 0
}
