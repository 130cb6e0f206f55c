/** A request's path as exactly one reading of it: every other reading has been refused. */
export interface CanonicalPath {
  /** The path again, without its query, encoded in the one way of `encodeSegment`. */
  readonly path: string
  /** Segments as they were sent. The same array as `decoded` where nothing was encoded. */
  readonly raw: readonly string[]
  /** Segments, percent-decoded exactly once. */
  readonly decoded: readonly string[]
  readonly trailingSlash: boolean
  /** A segment has `%2F` in it: only a parameter marked `encodedSlash` may hold it. */
  readonly encodedSlash: boolean
}

const plain = 0
const recoded = 1
const refused = 2
const slash = 3
const question = 4

/** What each ASCII character is in a path: RFC 3986 §3.3 `pchar` is plain, other printable ones are encoded anew. */
const kinds = new Uint8Array(128).fill(recoded)
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@")
  kinds[character.charCodeAt(0)] = plain
// Path parameters (`;`), backslashes and fragments are where parsers differ; blanks and controls cannot be sent.
for (const character of '\\;#\x7f') kinds[character.charCodeAt(0)] = refused
for (let code = 0; code <= 0x20; code++) kinds[code] = refused
kinds['/'.charCodeAt(0)] = slash
kinds['?'.charCodeAt(0)] = question

/**
 * Reads the path of a request's target (`/a/b%20c?query`; the query is not looked at).
 * Answers `ambiguous_path` for whatever two parsers could read differently: empty and dot segments (raw or encoded),
 * backslashes, NUL and controls, double encoding, `;`, a fragment, invalid percent-encoding or UTF-8, raw non-ASCII.
 */
export function canonicalPath(target: string): CanonicalPath | 'ambiguous_path' {
  if (target.charCodeAt(0) !== 0x2f) return 'ambiguous_path'
  const raw: string[] = []
  let start = 1
  let recode = false
  let end = 1
  for (; end < target.length; end++) {
    const code = target.charCodeAt(end)
    const kind = code < 128 ? kinds[code] : refused
    if (kind === plain) continue
    if (kind === question) break
    if (kind === refused) return 'ambiguous_path'
    if (kind === recoded) recode = true
    else {
      if (end === start) return 'ambiguous_path'
      raw.push(target.slice(start, end))
      start = end + 1
    }
  }
  const trailingSlash = start === end
  if (!trailingSlash) raw.push(target.slice(start, end))
  if (recode) return decodedPath(raw, trailingSlash)
  for (const segment of raw) if (segment === '.' || segment === '..') return 'ambiguous_path'
  const path = end === target.length ? target : target.slice(0, end)
  return { path, raw, decoded: raw, trailingSlash, encodedSlash: false }
}

function decodedPath(raw: readonly string[], trailingSlash: boolean): CanonicalPath | 'ambiguous_path' {
  const decoded: string[] = []
  let encodedSlash = false
  let path = ''
  for (const segment of raw) {
    const text = decodedOnce(segment)
    if (text === undefined || hasAmbiguousPart(text)) return 'ambiguous_path'
    if (text.includes('/')) encodedSlash = true
    decoded.push(text)
    path += `/${encodeSegment(text)}`
  }
  return { path: trailingSlash ? `${path}/` : path, raw, decoded, trailingSlash, encodedSlash }
}

// What decodes to a control, a backslash, or to something that a second decoding would change.
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
const unsafeDecoded = /[\u0000-\u001f\u007f-\u009f\\]|%[0-9a-f]{2}/i

function decodedOnce(segment: string): string | undefined {
  try {
    // Strict: refuses stray `%`, overlong forms and anything else that is not UTF-8 (RFC 3629 §3).
    const text = decodeURIComponent(segment)
    return unsafeDecoded.test(text) ? undefined : text
  } catch (cause) {
    if (cause instanceof URIError) return undefined
    throw cause
  }
}

/** A value may hold slashes where its parameter says so, but no empty part and no dot segment. */
function hasAmbiguousPart(text: string): boolean {
  return text.split('/').some((part) => part === '' || part === '.' || part === '..')
}

/** Where the plain characters end that stand from `start` on: those that are their own encoding in a path. */
export function plainEnd(text: string, start: number): number {
  let end = start
  while (end < text.length && kinds[text.charCodeAt(end)] === plain) end++
  return end
}

/** A segment's one encoding: RFC 3986 §3.3 `pchar` stays, but for `;`; all else is percent-encoded in upper case. */
export function encodeSegment(text: string): string {
  if (plainEnd(text, 0) === text.length) return text
  return encodeURIComponent(text).replace(/%(?:24|26|2B|2C|3A|3D|40)/g, decodeURIComponent)
}
