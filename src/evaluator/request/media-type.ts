const tokens = "[!#$%&'*+.^_`|~0-9a-z-]+"
const typeAndRest = new RegExp(`^\\s*(${tokens}/${tokens})\\s*(;.*)?$`)
const charset = /;\s*charset\s*=\s*("?)([^";\s]*)\1/g

/**
 * Whether a body of this media type is read as JSON: `application/json` and every `+json` (RFC 6839 §3.1), in UTF-8,
 * which is the one encoding of JSON (RFC 8259 §8.1): a reader of another would see another body.
 * A JSON Patch (RFC 6902) is not: it says what to do, and the fields that it changes stand in it as text.
 */
export function isReadableJson(mediaType: string): boolean {
  // What nearly every client sends.
  if (mediaType === 'application/json') return true
  const lower = mediaType.toLowerCase()
  const [, type, parameters = ''] = typeAndRest.exec(lower) ?? []
  if (type === undefined || type === 'application/json-patch+json') return false
  if (type !== 'application/json' && !type.endsWith('+json')) return false
  return [...parameters.matchAll(charset)].every(([, , name]) => name === 'utf-8' || name === 'utf8')
}
