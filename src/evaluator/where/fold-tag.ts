/**
 * Where simple case folding is not "upper case, then lower case" of one character: the dotless i is nobody's lower
 * case but a Turk's, and three pairs of precomposed letters have no upper case of one character.
 * @see Unicode, CaseFolding.txt, statuses C and S
 */
const exceptions: ReadonlyMap<string, string> = new Map([
  ['\u0131', '\u0131'],
  ['\u1fd3', '\u0390'],
  ['\u1fe3', '\u03b0'],
  ['\ufb05', '\ufb06'],
])

const asciiEnd = 0x80

/**
 * The one spelling of a tag's key or value, whatever its letter case: two are the same tag if this is the same. Unicode
 * simple case folding: character by character, whatever the language or the neighbours, so that `ß` and `ss` differ.
 * Texts are not normalised: `é` of one character and `é` of two differ.
 */
export function foldTag(text: string): string {
  // The engine gives back the very same text if it is in lower case already, so most tags cost nothing here.
  if (isAscii(text)) return text.toLowerCase()
  let folded = ''
  for (const character of text) folded += foldCharacter(character)
  return folded
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= asciiEnd) return false
  return true
}

function foldCharacter(character: string): string {
  const exception = exceptions.get(character)
  if (exception !== undefined) return exception
  const upper = character.toUpperCase()
  const folded = isOneCharacter(upper) ? upper.toLowerCase() : character.toLowerCase()
  return isOneCharacter(folded) ? folded : character
}

function isOneCharacter(text: string): boolean {
  return text.length === ((text.codePointAt(0) ?? 0) > 0xffff ? 2 : 1)
}
