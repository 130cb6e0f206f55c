/** What the platform has beyond its types (ECMAScript 2026, `JSON.parse` source text access). */
interface SourceJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): unknown
}
// Sound: the Node.js that is asked for has both.
const platform = JSON as unknown as SourceJson

/** Where a number could be one that `JSON.parse` changes; a text that only looks like one does no harm. */
const perhapsInexact = /\d[\d.]{15}|\d[eE][+-]?\d/
const number = '\u0000n'
const text = '\u0000t'

/**
 * Changes JSON text by its value, with every number that is left as it was written, however long.
 * @param change takes no value for another: scalars go through it as they are, or not at all
 * @throws {SyntaxError} for what is not JSON
 */
export function changedJson(json: string, change: (value: unknown) => unknown): string {
  if (!perhapsInexact.test(json)) return JSON.stringify(change(JSON.parse(json)))
  // Such numbers pass as texts. What is a text, and looks like one of them, is marked as a text.
  const value = platform.parse(json, (_, one, { source }) => {
    if (typeof one === 'number' && source !== undefined && String(one) !== source) return number + source
    return typeof one === 'string' && one.startsWith('\u0000') ? text + one : one
  })
  return JSON.stringify(change(value), (_, one: unknown) => {
    if (typeof one !== 'string' || !one.startsWith('\u0000')) return one
    return one.startsWith(number) ? platform.rawJSON(one.slice(number.length)) : one.slice(text.length)
  })
}
