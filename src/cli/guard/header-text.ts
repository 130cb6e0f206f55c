/** Ids of documents can be any text; in a header all but visible ASCII and blanks is percent-encoded, and `%` itself. */
export function headerText(text: string): string {
  return plainText.test(text) ? text : encodeURIComponent(text.toWellFormed()).replaceAll('%20', ' ')
}

const plainText = /^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/
